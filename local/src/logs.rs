//! What the functions print, line by line, and the path of each job read from it.

use std::collections::VecDeque;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde_json::Value;
use tokio::sync::broadcast;

/// How many lines are kept in memory. All of them are in the file.
const MAX_LINES: usize = 50_000;
/// How many jobs the console can show the path of.
const MAX_TRACES: usize = 500;

/// One printed line.
#[derive(Debug, Clone)]
pub struct Line {
    /// The function that printed it.
    pub function: String,
    /// As printed.
    pub text: String,
    /// The same, if it is a JSON object.
    pub fields: Option<Value>,
}

impl Line {
    /// A field by its flattened name, such as `job.id`.
    pub fn field(&self, name: &str) -> Option<&Value> {
        let fields = self.fields.as_ref()?;
        fields.get(name).or_else(|| fields.get("fields")?.get(name))
    }
}

/// All lines so far. Cheap to clone.
#[derive(Clone)]
pub struct Logs {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    follow: broadcast::Sender<Line>,
    path: PathBuf,
}

struct State {
    lines: VecDeque<Line>,
    traces: VecDeque<Trace>,
    file: std::fs::File,
}

/// The path of one job.
#[derive(Debug, Clone, Serialize)]
pub struct Trace {
    /// The job's id.
    pub job: String,
    /// The steps in the order of their times.
    pub steps: Vec<Step>,
}

/// One step of a job.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// `queued`, `acked`, `claimed`, `authorized`, `role_assumed`, `ran`, `stored`, `posted`, or how it ended.
    pub step: String,
    /// The function that logged it.
    pub function: String,
    /// When, in RFC 3339.
    pub time: String,
    /// How long the step took, in milliseconds, if the function said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<f64>,
}

impl Logs {
    /// Keeps the lines in memory and in a new file `functions.log` in `folder`.
    pub fn new(folder: &Path) -> std::io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let path = folder.join("functions.log");
        let file = std::fs::File::create(&path)?;
        let state = State { lines: VecDeque::new(), traces: VecDeque::new(), file };
        Ok(Self {
            shared: Arc::new(Shared { state: Mutex::new(state), follow: broadcast::channel(4096).0, path }),
        })
    }

    /// The file with all lines.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// Takes one line of `function`.
    pub fn add(&self, function: &str, text: &str) {
        let fields = serde_json::from_str::<Value>(text).ok().filter(Value::is_object);
        let line = Line { function: function.into(), text: text.into(), fields };
        {
            let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
            // The file is a convenience: a full disk must not stop the run.
            let _ = writeln!(state.file, "{function} {text}");
            if state.lines.len() == MAX_LINES {
                state.lines.pop_front();
            }
            state.lines.push_back(line.clone());
            state.trace(&line);
        }
        // Nobody may be following.
        let _ = self.shared.follow.send(line);
    }

    /// The lines from now on.
    pub fn follow(&self) -> broadcast::Receiver<Line> {
        self.shared.follow.subscribe()
    }

    /// The lines so far, at most the last 50,000.
    pub fn lines(&self) -> Vec<Line> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner).lines.iter().cloned().collect()
    }

    /// The last line that `function` printed.
    pub fn last_line(&self, function: &str) -> Option<String> {
        let state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.lines.iter().rev().find(|line| line.function == function).map(|line| line.text.clone())
    }

    /// The paths of the latest jobs, the newest last.
    pub fn traces(&self) -> Vec<Trace> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner).traces.iter().cloned().collect()
    }
}

impl State {
    fn trace(&mut self, line: &Line) {
        let text = |name: &str| line.field(name).and_then(Value::as_str).map(str::to_owned);
        let (Some(job), Some(step)) = (text("job.id"), text("step")) else { return };
        let step = Step {
            step,
            function: line.function.clone(),
            time: text("timestamp").unwrap_or_default(),
            duration_ms: line.field("duration_ms").and_then(Value::as_f64),
        };
        if let Some(trace) = self.traces.iter_mut().rev().find(|trace| trace.job == job) {
            trace.steps.push(step);
            // Lines of different processes are read in any order; their times, all of one length, tell the right one.
            trace.steps.sort_by(|a, b| a.time.cmp(&b.time));
            return;
        }
        if self.traces.len() == MAX_TRACES {
            self.traces.pop_front();
        }
        self.traces.push_back(Trace { job, steps: vec![step] });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_of_a_job_make_its_path() {
        let folder = std::env::temp_dir().join(format!("alfred-logs-{}", uuid::Uuid::new_v4()));
        let logs = Logs::new(&folder).unwrap();
        logs.add(
            "ingress",
            r#"{"timestamp":"2026-01-01T00:00:00.001Z","message":"queued","job.id":"a1","step":"queued"}"#,
        );
        logs.add("worker", r#"{"timestamp":"2026-01-01T00:00:00.004Z","job.id":"b2","step":"claimed"}"#);
        logs.add("worker", "not json");
        logs.add(
            "worker",
            r#"{"timestamp":"2026-01-01T00:00:00.009Z","job.id":"a1","step":"ran","duration_ms":3}"#,
        );
        logs.add("ingress", r#"{"timestamp":"2026-01-01T00:00:00.002Z","job.id":"a1","step":"acked"}"#);
        let traces = logs.traces();
        assert_eq!(traces.len(), 2);
        assert_eq!(traces[0].job, "a1");
        let steps: Vec<(&str, &str, Option<f64>)> =
            traces[0].steps.iter().map(|s| (s.step.as_str(), s.function.as_str(), s.duration_ms)).collect();
        assert_eq!(
            steps,
            [("queued", "ingress", None), ("acked", "ingress", None), ("ran", "worker", Some(3.0))]
        );
        assert_eq!(std::fs::read_to_string(logs.path()).unwrap().lines().count(), 5);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
