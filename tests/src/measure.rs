//! What a process costs, and figures from many single measurements.

use std::path::Path;
use std::time::Duration;

/// Measurements of one kind, in the order in which they were taken.
#[derive(Debug, Clone, Default)]
pub struct Samples(Vec<Duration>);

impl Samples {
    /// Adds one.
    pub fn push(&mut self, sample: Duration) {
        self.0.push(sample);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The smallest sample that at least `percent` of them do not exceed; zero of none.
    pub fn percentile(&self, percent: f64) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        sorted.get(rank(sorted.len(), percent)).copied().unwrap_or_default()
    }

    /// The middle one.
    pub fn median(&self) -> Duration {
        self.percentile(50.0)
    }
}

impl Extend<Duration> for Samples {
    fn extend<T: IntoIterator<Item = Duration>>(&mut self, samples: T) {
        self.0.extend(samples);
    }
}

impl IntoIterator for Samples {
    type Item = Duration;
    type IntoIter = std::vec::IntoIter<Duration>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl FromIterator<Duration> for Samples {
    fn from_iter<T: IntoIterator<Item = Duration>>(samples: T) -> Self {
        Self(samples.into_iter().collect())
    }
}

/// The smallest value that at least `percent` of them do not exceed; zero of none.
pub fn percentile(values: impl IntoIterator<Item = f64>, percent: f64) -> f64 {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(rank(sorted.len(), percent)).copied().unwrap_or_default()
}

/// The middle value; zero of none.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    percentile(values, 50.0)
}

/// The place of a percentile among so many sorted values, by nearest rank.
fn rank(len: usize, percent: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank is small and positive"
    )]
    let rank = (percent / 100.0 * len as f64).ceil() as usize;
    rank.saturating_sub(1)
}

/// Milliseconds with as many digits as matter.
pub fn ms(duration: Duration) -> String {
    rounded(duration.as_secs_f64() * 1000.0)
}

/// A figure with as many digits as matter.
pub fn rounded(figure: f64) -> String {
    match figure {
        figure if figure < 10.0 => format!("{figure:.2}"),
        figure if figure < 100.0 => format!("{figure:.1}"),
        figure => format!("{figure:.0}"),
    }
}

/// What a table says about a goal.
pub fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "missed" }
}

/// The CPU time that a running process has used so far, all threads together, from the scheduler's nanosecond counts.
/// Threads that have ended are not in it.
///
/// # Errors
/// When the process is gone.
pub fn cpu_of(pid: u32) -> std::io::Result<Duration> {
    let mut nanoseconds = 0;
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end between the listing and the reading.
        let Ok(schedstat) = std::fs::read_to_string(task?.path().join("schedstat")) else { continue };
        nanoseconds += schedstat.split(' ').next().and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// The most memory that a running process has had resident so far, in bytes.
///
/// # Errors
/// When the process is gone.
pub fn peak_memory_of(pid: u32) -> std::io::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok())
        .unwrap_or(0);
    Ok(kib * 1024)
}

/// The running processes whose program is `program`.
pub fn processes_of(program: &Path) -> Vec<u32> {
    let pids = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    pids.filter(|entry| std::fs::read_link(entry.path().join("exe")).is_ok_and(|exe| exe == program))
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// The processor and the number of its cores.
pub fn machine() -> String {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown processor", |(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{model}, {cores} cores")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples_by_nearest_rank() {
        let samples: Samples = (1..=100).rev().map(Duration::from_millis).collect();
        for (percent, expected) in [(0.0, 1), (1.0, 1), (50.0, 50), (99.0, 99), (99.1, 100), (100.0, 100)] {
            assert_eq!(samples.percentile(percent), Duration::from_millis(expected), "p{percent}");
            assert_eq!(percentile((1..=100).rev().map(f64::from), percent), expected as f64, "p{percent}");
        }
        assert_eq!((Samples::default().median(), median([])), (Duration::ZERO, 0.0));
    }

    #[test]
    fn this_process_uses_cpu_and_memory() {
        assert!(cpu_of(std::process::id()).unwrap() > Duration::ZERO);
        assert!(peak_memory_of(std::process::id()).unwrap() > 1024 * 1024);
        assert!(processes_of(&std::env::current_exe().unwrap()).contains(&std::process::id()));
    }

    #[test]
    fn milliseconds_keep_the_digits_that_matter() {
        for (us, expected) in [(1_234, "1.23"), (12_345, "12.3"), (123_456, "123")] {
            assert_eq!(ms(Duration::from_micros(us)), expected);
        }
    }
}
