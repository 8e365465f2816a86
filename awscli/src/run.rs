//! `aws …`: from words to what is printed and the exit status.

use bytes::Bytes;

use crate::command::Skeleton;
use crate::command::{self, Command, Context, Globals, Outfile, Parsed, UsageError};
use crate::format::{self, Sink};
use crate::model::Kind;
use crate::paginate::{Pages, paginate};
use crate::park::Parked;
use crate::query::Expression;
use crate::send::{CallError, Calls};
use crate::session::{Output, Session};
use crate::skeleton;
use crate::value::{Map, Value};
use crate::yaml::YamlError;
use crate::{custom, help, wait};

/// Exit status of wrong usage and wrong parameters.
pub(crate) const USAGE: i32 = 252;
/// Exit status of what went wrong in no other way.
pub(crate) const GENERAL: i32 = 255;

/// Exit status of what does not come to its end.
const CUT_OFF: i32 = 130;

/// The release of the official CLI whose models and behaviour are followed.
const MODELS: &str = include_str!("../models/version").trim_ascii_end();

/// The file names that stand for standard output.
const STANDARD_OUTPUT: [&str; 2] = ["-", "/dev/stdout"];

/// Runs one command. `argv` is what follows the word `aws`. Whatever happens is in the output; nothing of the host's
/// environment, files or terminal is read or written. Dropping the future stops the command where it waits.
/// A `wait` that [`Session::park`] parks ends with [`Output::parked`].
pub async fn run(argv: &[String], session: &Session<'_>) -> Output {
    run_after(argv, 0, session).await
}

/// Goes on with a wait that was parked, with the next poll. The files that the command names must be there again.
pub async fn resume(parked: &Parked, session: &Session<'_>) -> Output {
    run_after(&parked.argv, parked.polls, session).await
}

/// Runs a command after `polls` of its wait.
async fn run_after(argv: &[String], polls: u32, session: &Session<'_>) -> Output {
    // Even a command that cannot be read was meant for the session's region.
    let output = Output { region: session.region.clone(), ..Output::default() };
    let mut printer = Printer { sink: Sink::new(session.budget.output_bytes), output };
    if let Some(page) = help::page(argv) {
        return match page {
            Ok(page) => {
                printer.sink.push(&page);
                printer.end()
            }
            Err(error) => printer.fail(&error.stderr, error.exit_status),
        };
    }
    let context = Context { files: session.files, now: session.now() };
    let command = match command::parse(argv, context) {
        Ok(command) => command,
        Err(error) => return printer.fail(&error.stderr, error.exit_status),
    };
    let mut calls = Calls::new(session);
    if let Some(region) = command.globals().and_then(|globals| globals.region.clone()) {
        printer.output.region = Some(region);
    }
    let ended = match &command {
        Command::Version => {
            printer.sink.push(&format!("alfredbot-awscli/{} aws-cli/{MODELS}\n", env!("CARGO_PKG_VERSION")));
            Ok(0)
        }
        Command::Operation(parsed) => printer.operation(parsed, &mut calls).await,
        Command::Wait(_, parsed) if parsed.skeleton.is_some() => printer.operation(parsed, &mut calls).await,
        Command::Wait(waiter, parsed) => {
            let region = printer.output.region.clone();
            let waiter = &parsed.service.waiters[*waiter];
            let waited = wait::wait(waiter, parsed, region.as_deref(), argv, polls, &mut calls).await;
            waited.map(|parked| {
                let exit_status = if parked.is_some() { CUT_OFF } else { 0 };
                printer.output.parked = parked;
                exit_status
            })
        }
        Command::Custom(custom) => custom::run(custom, &mut calls, &mut printer).await,
    };
    match ended {
        Ok(status) => printer.output.exit_status = status,
        Err(failure) => {
            let error_format = command.globals().map(|globals| globals.error_format).unwrap_or_default();
            printer.output.stderr.push_str(&error_format.show(failure.stderr, failure.info.as_ref()));
            printer.output.exit_status = failure.exit_status;
        }
    }
    let tally = calls.tally();
    printer.output.calls = tally.made;
    printer.output.hidden = tally.hidden;
    printer.output.unknown_calls = tally.unknown;
    printer.output.journal_error = tally.journal_error;
    printer.end()
}

/// Why a command failed: what standard error shows, and the exit status.
#[derive(Debug)]
pub(crate) struct Failure {
    pub stderr: String,
    pub exit_status: i32,
    /// What a service said.
    pub info: Option<Map>,
}

impl Failure {
    pub fn usage(message: &str) -> Self {
        Self { stderr: format::usage_error(message), exit_status: USAGE, info: None }
    }

    pub fn general(message: &str) -> Self {
        Self { stderr: format::error_line(message), exit_status: GENERAL, info: None }
    }
}

impl From<UsageError> for Failure {
    fn from(error: UsageError) -> Self {
        Self { stderr: error.stderr, exit_status: error.exit_status, info: None }
    }
}

impl From<YamlError> for Failure {
    fn from(error: YamlError) -> Self {
        Self::general(&error.to_string())
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        let info = match &error {
            CallError::Service { error, .. } => Some(format::service_error_info(error)),
            _ => None,
        };
        Self { stderr: error.text(), exit_status: error.exit_status(), info }
    }
}

/// How a result is shown.
pub(crate) struct Shape {
    format: String,
    query: Option<Expression>,
    title: String,
}

/// Collects what a command prints.
pub(crate) struct Printer {
    pub sink: Sink,
    pub output: Output,
}

impl Printer {
    fn fail(mut self, stderr: &str, exit_status: i32) -> Output {
        self.output.stderr.push_str(stderr);
        self.output.exit_status = exit_status;
        self.end()
    }

    fn end(mut self) -> Output {
        let limit = self.sink.limit();
        let stderr = &mut self.output.stderr;
        // What a service says of an error may be as long as a result.
        let is_long = stderr.len() > limit;
        stderr.truncate(stderr.floor_char_boundary(limit));
        if self.sink.is_cut() || is_long {
            self.output.truncated.get_or_insert_with(|| format!("the output was cut after {limit} bytes"));
        }
        self.output.stdout = self.sink.into_bytes();
        self.output
    }

    async fn operation(&mut self, parsed: &Parsed, calls: &mut Calls<'_>) -> Result<i32, Failure> {
        let operation = parsed.operation();
        let shape = shape(&parsed.globals, &operation.name)?;
        self.output.stderr.push_str(parsed.warning.as_deref().unwrap_or_default());
        let region = self.output.region.clone();
        let (region, mut parameters) = (region.as_deref(), parsed.parameters.clone());
        if let Some(skeleton) = parsed.skeleton {
            if skeleton == Skeleton::Output {
                calls.check(&parsed.service, operation, parameters, region)?;
            }
            self.skeleton(parsed, skeleton, &shape)?;
            return Ok(0);
        }
        if let Some(object) = &parsed.default_root_object {
            custom::set_default_root_object(object, &mut parameters, region, calls).await?;
        }
        if parsed.paging.automatic {
            return self.pages(parsed, parameters, region, &shape, calls).await;
        }
        let response = calls.send(&parsed.service, operation, parameters, region).await?;
        let mut result = response.value;
        if let Some(file) = &parsed.outfile {
            self.body(parsed, file, &mut result, calls)?;
        }
        if let Some(error) = response.interruption {
            return Err(error.into());
        }
        for outfile in &parsed.outfiles {
            keep(outfile, &mut result, calls)?;
        }
        self.show(result, &shape)?;
        Ok(0)
    }

    /// Prints a sample of the operation's parameters or of its result.
    fn skeleton(&mut self, parsed: &Parsed, skeleton: Skeleton, shape: &Shape) -> Result<(), Failure> {
        let (service, operation) = (&parsed.service, parsed.operation());
        match skeleton {
            Skeleton::Input => match skeleton::input(service, operation) {
                // Unlike an empty result, this is shown.
                Value::Map(map) if map.is_empty() => self.sink.push("{}\n"),
                sample => format::json(&sample, &mut self.sink),
            },
            Skeleton::YamlInput => skeleton::yaml_input(service, operation, &mut self.sink),
            Skeleton::Output => {
                let mut sample = skeleton::output(service, operation, &shape.format);
                if let Value::Map(result) = &mut sample
                    && (service.name.as_str(), operation.name.as_str())
                        == ("datapipeline", "GetPipelineDefinition")
                {
                    custom::translate_definition(result);
                }
                self.print(after_query(sample, shape)?, shape)?;
            }
        }
        Ok(())
    }

    /// Reads all pages. Text and streams of YAML show them one by one, with the query over each; other formats show them
    /// merged.
    async fn pages(
        &mut self,
        parsed: &Parsed,
        parameters: Map,
        region: Option<&str>,
        shape: &Shape,
        calls: &mut Calls<'_>,
    ) -> Result<i32, Failure> {
        let (service, operation) = (&parsed.service, parsed.operation());
        let paging = &parsed.paging;
        let streams = shape.format == "yaml-stream";
        if shape.format != "text" && !streams {
            let paged = paginate(calls, service, operation, parameters, region, paging).await?;
            self.output.truncated = paged.truncated;
            self.show(paged.value, shape)?;
            return Ok(0);
        }
        let mut pages = Pages::new(service, operation, parameters, paging)?;
        while let Some(page) = pages.next(calls, region).await? {
            if streams {
                format::yaml_item(queried(page, shape)?, &mut self.sink);
            } else {
                self.show(pages.shown(page)?, shape)?;
            }
            if self.sink.is_cut() {
                return Ok(0);
            }
        }
        if let Some(token) = pages.resume_token.filter(|_| !streams) {
            let token = || [("NextToken".to_owned(), Value::Str(token))].into_iter().collect();
            self.show([("NextToken".to_owned(), Value::Map(token()))].into_iter().collect(), shape)?;
        }
        self.output.truncated = pages.truncated;
        Ok(0)
    }

    /// Keeps the streamed part of a result in the file that the command names, or prints it.
    fn body(
        &mut self,
        parsed: &Parsed,
        file: &str,
        result: &mut Map,
        calls: &Calls<'_>,
    ) -> Result<(), Failure> {
        let output = parsed.operation().output.map(|id| &parsed.service.shapes[id as usize].kind);
        let Some(Kind::Structure(structure)) = output else { return Ok(()) };
        let payload = structure.payload.and_then(|index| structure.members.get(index as usize));
        let content = match payload.and_then(|member| result.shift_remove(&member.name)) {
            Some(Value::Bytes(bytes)) => Bytes::from(bytes),
            Some(Value::Str(text)) => Bytes::from(text),
            Some(Value::List(events)) => Bytes::from(records(&events)),
            _ => Bytes::new(),
        };
        if STANDARD_OUTPUT.contains(&file) {
            self.sink.push_bytes(&content);
            return Ok(());
        }
        calls.session().files.write(file, content).map_err(|error| Failure::general(&error.to_string()))
    }

    pub fn show(&mut self, result: Map, shape: &Shape) -> Result<(), Failure> {
        self.show_value(Value::Map(result), shape)
    }

    /// The same for a result that is no structure.
    pub fn show_value(&mut self, result: Value, shape: &Shape) -> Result<(), Failure> {
        let value = queried(result, shape)?;
        self.print(value, shape)
    }

    fn print(&mut self, value: Value, shape: &Shape) -> Result<(), Failure> {
        match shape.format.as_str() {
            "text" => format::text(&value, &mut self.sink),
            "table" => {
                format::table(&shape.title, &value, &mut self.sink)
                    .map_err(|error| Failure::general(&error))?;
            }
            "yaml" => format::yaml(&value, &mut self.sink),
            "yaml-stream" if value == Value::Map(Map::new()) => {}
            "yaml-stream" => format::yaml_item(value, &mut self.sink),
            "off" => {}
            _ => format::json(&value, &mut self.sink),
        }
        Ok(())
    }
}

/// What the events of a stream bring of a file, as `s3api select-object-content` gives it.
fn records(events: &[Value]) -> Vec<u8> {
    let payloads = events.iter().filter_map(|event| match event.get("Records")?.get("Payload")? {
        Value::Bytes(bytes) => Some(bytes.as_slice()),
        _ => None,
    });
    payloads.flatten().copied().collect()
}

/// Keeps a part of a result in a file.
fn keep(outfile: &Outfile, result: &mut Map, calls: &Calls<'_>) -> Result<(), Failure> {
    let part = |map: &Map| {
        let (first, rest) = outfile.path.split_first()?;
        rest.iter().try_fold(map.get(*first)?, |value, name| value.get(name)).cloned()
    };
    let found = part(result);
    if found.is_none() && !outfile.hides.is_empty() {
        return Ok(());
    }
    let content = match found {
        Some(Value::Bytes(bytes)) => Bytes::from(bytes),
        Some(Value::Str(text)) => Bytes::from(text),
        _ => Bytes::new(),
    };
    let written = calls.session().files.write(&outfile.file, content);
    written.map_err(|error| Failure::general(&error.to_string()))?;
    if let Some(Value::Map(around)) = outfile.path.first().and_then(|name| result.get_mut(*name)) {
        for name in outfile.hides {
            around.shift_remove(*name);
        }
    }
    Ok(())
}

/// What is left of a result after `--query`.
fn queried(mut value: Value, shape: &Shape) -> Result<Value, Failure> {
    format::as_shown(&mut value);
    after_query(value, shape)
}

pub(crate) fn after_query(value: Value, shape: &Shape) -> Result<Value, Failure> {
    match &shape.query {
        Some(query) => query.search(&value).map_err(|error| Failure::general(&error.to_string())),
        None => Ok(value),
    }
}

/// Reads `--output` and `--query`, before anything is sent.
pub(crate) fn shape(globals: &Globals, title: &str) -> Result<Shape, Failure> {
    let format = globals.output.clone().unwrap_or_else(|| "json".to_owned());
    let query = match &globals.query {
        Some(text) => {
            let parsed = Expression::parse(text);
            Some(parsed.map_err(|error| Failure::usage(&format!("Bad value for --query {text}: {error}")))?)
        }
        None => None,
    };
    Ok(Shape { format, query, title: title.to_owned() })
}
