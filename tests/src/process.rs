//! Processes that a test starts. Each has a process group of its own, and the whole group is killed when the test
//! lets go of it: emulators start children that would outlive a signal to their parent alone.

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

/// How long a server may take until it accepts connections. The Python emulators import for seconds on a busy machine.
const READY_LIMIT: Duration = Duration::from_secs(60);
/// How often a condition is looked at while waiting for it.
const POLL: Duration = Duration::from_millis(20);

/// A running process group.
pub struct Group {
    child: Child,
    output: PathBuf,
}

impl Group {
    /// Starts `command` without input. Its output goes to a file of its own, whose text [`Group::output`] gives.
    pub fn start(mut command: Command) -> std::io::Result<Self> {
        let output = std::env::temp_dir().join(format!("alfred-test-{}.log", uuid::Uuid::new_v4()));
        let file = std::fs::File::create(&output)?;
        let child =
            command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).process_group(0).spawn()?;
        Ok(Self { child, output })
    }

    /// The process id of the first process, which is also the id of the group.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What the group has printed so far.
    pub fn output(&self) -> String {
        let mut text = Vec::new();
        // A file that cannot be read says no more than an empty one: the text is for failure messages.
        let _ = std::fs::File::open(&self.output).and_then(|mut file| file.read_to_end(&mut text));
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Waits until the group accepts connections on `address`.
    ///
    /// # Panics
    /// If the process ends first, or does not listen within a minute: with what it printed.
    pub fn wait_until_listening(&mut self, address: SocketAddr) {
        let started = Instant::now();
        while TcpStream::connect(address).is_err() {
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("the process ended with {status} before it listened on {address}:\n{}", self.output());
            }
            assert!(started.elapsed() < READY_LIMIT, "nothing listens on {address}:\n{}", self.output());
            std::thread::sleep(POLL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // An error means that the group is gone already.
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.output);
    }
}

/// An address on loopback that nobody listens on now, for servers that must be told their port.
pub fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// Waits until `condition` gives a value, and returns it.
///
/// # Panics
/// After `limit`, naming `what` was waited for.
pub fn wait_for<T>(what: &str, limit: Duration, mut condition: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(started.elapsed() < limit, "waited {limit:?} in vain for {what}");
        std::thread::sleep(POLL);
    }
}
