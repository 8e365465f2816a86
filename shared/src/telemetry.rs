//! Logs: one JSON object a line on standard output, which Lambda hands to CloudWatch Logs.
//!
//! Every line has `timestamp` (RFC 3339, UTC), `level`, `target`, `message`, and the event's fields beside them. A step of
//! a job has `job.id` and `step`, and `duration_ms` where it took time.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::env::Environment;

/// Whose lines `LOG_LEVEL` governs.
const OUR_CRATES: [&str; 7] = ["awscli", "ingress", "install", "local", "shared", "syncer", "worker"];

/// Below this, the crates that we only use say nothing, whatever the environment asks for: at DEBUG the SDK and HTTP
/// crates print headers, tokens and bodies.
const MOST_FROM_OTHERS: LevelFilter = LevelFilter::INFO;

/// Reads `LOG_LEVEL`: `off`, `error`, `warn`, `info`, `debug` or `trace`; `info` if it is not set.
pub fn level(env: &mut Environment<'_>) -> LevelFilter {
    env.parsed("LOG_LEVEL", "one of off, error, warn, info, debug, trace", LevelFilter::INFO, |text| {
        text.parse().ok()
    })
}

/// Starts logging for the rest of the process's life. A second call changes nothing.
pub fn start(level: LevelFilter) {
    let _ = tracing_subscriber::registry().with(lines(std::io::stdout)).with(filter(level)).try_init();
}

fn filter(level: LevelFilter) -> Targets {
    Targets::new()
        .with_default(level.min(MOST_FROM_OTHERS))
        .with_targets(OUR_CRATES.map(|name| (name, level)))
}

fn lines<S, W>(writer: W) -> impl Layer<S>
where
    S: tracing::Subscriber + for<'span> LookupSpan<'span>,
    W: for<'line> MakeWriter<'line> + 'static,
{
    tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_writer(writer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(level: LevelFilter, events: impl FnOnce()) -> Vec<serde_json::Value> {
        let written = Written::default();
        let writer = written.clone();
        let subscriber =
            tracing_subscriber::registry().with(lines(move || writer.clone())).with(filter(level));
        tracing::subscriber::with_default(subscriber, events);
        let bytes = written.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_line_is_one_flat_object() {
        let lines = logged(LevelFilter::INFO, || {
            tracing::info!(job.id = "00ff", step = "claimed", duration_ms = 1.5, "claimed the job");
        });
        let [line] = &lines[..] else { panic!("{lines:?}") };
        assert_eq!(line["job.id"], "00ff");
        assert_eq!(line["step"], "claimed");
        assert_eq!(line["duration_ms"], 1.5);
        assert_eq!(line["message"], "claimed the job");
        assert_eq!(line["level"], "INFO");
        let timestamp = line["timestamp"].as_str().unwrap();
        time::OffsetDateTime::parse(timestamp, &time::format_description::well_known::Rfc3339).unwrap();
    }

    #[test]
    fn the_environment_cannot_make_the_sdk_talk() {
        let lines = logged(LevelFilter::TRACE, || {
            tracing::debug!(target: "aws_smithy_runtime::client::orchestrator", "secret");
            tracing::trace!(target: "hyper_util::client", "secret");
            tracing::info!(target: "hyper_util::client", "shown");
            tracing::trace!(target: "worker::claim", "shown");
        });
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines.iter().all(|line| line["message"] == "shown"));
    }

    #[test]
    fn the_level_governs_our_own_lines_and_lowers_those_of_others() {
        let lines = logged(LevelFilter::WARN, || {
            tracing::info!(target: "ingress", "hidden");
            tracing::info!(target: "hyper", "hidden");
            tracing::warn!(target: "ingress::enqueue", "shown");
        });
        assert_eq!(lines.len(), 1, "{lines:?}");
    }

    #[test]
    fn a_level_that_does_not_exist_stops_the_start() {
        crate::env::read_from(&|_| Some("loud".into()), level).unwrap_err();
        assert_eq!(crate::env::read_from(&|_| None, level), Ok(LevelFilter::INFO));
        assert_eq!(crate::env::read_from(&|_| Some("debug".into()), level), Ok(LevelFilter::DEBUG));
    }
}
