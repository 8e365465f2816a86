//! The time that the fake Slack goes by: real until a test stops it or moves it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

/// Every lifetime in the fake (response_url, trigger_id, token, rate limit, message `ts`) reads this clock. The 3 seconds
/// of an acknowledgement are real time, because the program that answers lives in real time. So are signatures while
/// the clock runs: it may be ahead of the program's, which would refuse what is signed in its future. On a stopped
/// clock signatures are as old as it says.
#[derive(Debug)]
pub struct Clock {
    setting: Mutex<Setting>,
    /// Says that the clock was moved.
    moves: watch::Sender<()>,
}

#[derive(Debug, Clone, Copy)]
enum Setting {
    /// The machine's time plus this many milliseconds.
    Running { ahead_ms: u64 },
    /// Stands at this Unix time in milliseconds.
    Stopped { at_ms: u64 },
}

impl Default for Clock {
    fn default() -> Self {
        Self { setting: Mutex::new(Setting::Running { ahead_ms: 0 }), moves: watch::Sender::new(()) }
    }
}

impl Clock {
    /// Unix milliseconds.
    pub fn now_ms(&self) -> u64 {
        match *self.lock() {
            Setting::Running { ahead_ms } => machine_ms() + ahead_ms,
            Setting::Stopped { at_ms } => at_ms,
        }
    }

    /// Unix seconds.
    pub fn now(&self) -> u64 {
        self.now_ms() / 1000
    }

    /// Unix seconds as signatures give them.
    pub fn signing_now(&self) -> u64 {
        match *self.lock() {
            Setting::Running { .. } => machine_ms() / 1000,
            Setting::Stopped { at_ms } => at_ms / 1000,
        }
    }

    /// Stops the clock at a Unix time in seconds; only [`Clock::advance`] moves it then.
    pub fn stop_at(&self, unix_seconds: u64) {
        *self.lock() = Setting::Stopped { at_ms: unix_seconds * 1000 };
        self.moves.send_replace(());
    }

    /// Stops the clock where it is.
    pub fn stop(&self) {
        let at_ms = self.now_ms();
        *self.lock() = Setting::Stopped { at_ms };
    }

    /// Moves the clock forward, whether it runs or stands.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        match &mut *self.lock() {
            Setting::Running { ahead_ms: ms } | Setting::Stopped { at_ms: ms } => *ms = ms.saturating_add(by),
        }
        self.moves.send_replace(());
    }

    /// By how much it is ahead of the machine's time, if it runs.
    pub fn ahead(&self) -> Option<Duration> {
        match *self.lock() {
            Setting::Running { ahead_ms } => Some(Duration::from_millis(ahead_ms)),
            Setting::Stopped { .. } => None,
        }
    }

    /// What tells a task that waits for a time that the clock was moved.
    pub(crate) fn moves(&self) -> watch::Receiver<()> {
        self.moves.subscribe()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Setting> {
        self.setting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn machine_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
