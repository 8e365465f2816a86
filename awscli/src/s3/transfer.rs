//! `aws s3 cp`, `mv`, `rm` and `sync`: what they are about is found, and transferred several at a time.

use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt};

use super::client::{Client, Problem, Side, parameters, text};
use super::compare::{Comparison, Conflict, Rule};
use super::copy::Copy;
use super::download::Download;
use super::filter::Filter;
use super::find::{Finder, Found, Search, Task};
use super::media_type;
use super::parallel::PARALLEL;
use super::path::{self, Kind, Place, SCHEME};
use super::report::{End, Line, Loudness, Report, Warning};
use super::request::Wishes;
use super::same_path;
use super::upload::Upload;
use crate::command::values;
use crate::custom::Options;
use crate::files::Files;
use crate::format::Sink;
use crate::run::Failure;
use crate::send::Calls;
use crate::value::{Map, Value};

/// The path that stands for standard input and output.
const STREAM: &str = "-";

/// Storage classes from which nothing can be read at once.
const ARCHIVES: [&str; 2] = ["GLACIER", "DEEP_ARCHIVE"];

/// One command as it was typed, and checked.
pub struct Transfer<'a> {
    name: &'a str,
    options: &'a Options,
    metadata: Option<Map>,
    paths: [String; 2],
    task: Task,
    recursive: bool,
    streams: bool,
    region: Option<&'a str>,
}

impl<'a> Transfer<'a> {
    /// Checks what was typed after `aws s3 name`, in the order of the official CLI. Only `--validate-same-s3-paths` makes
    /// calls for it.
    pub async fn new(
        name: &'a str,
        options: &'a Options,
        metadata: Option<Map>,
        region: Option<&'a str>,
        calls: &Calls<'_>,
        stderr: &mut String,
    ) -> Result<Self, Failure> {
        let mut paths = options.texts("paths").to_vec();
        let task = task(name, &paths)?;
        for path in &mut paths {
            if path.starts_with(SCHEME) {
                let (_, key) = path::bucket_and_key(path).map_err(Failure::usage)?;
                if key.is_empty() && !path.ends_with('/') {
                    path.push('/');
                }
            }
        }
        let source = paths.first().cloned().unwrap_or_default();
        let target = paths.pop().unwrap_or_default();
        let recursive = name == "sync" || options.has("recursive");
        let streams = source == STREAM || target == STREAM;
        if streams && (name != "cp" || recursive) {
            return Err(Failure::usage(
                "Streaming currently is only compatible with non-recursive cp commands",
            ));
        }
        if target == STREAM && options.has("no-overwrite") {
            return Err(Failure::usage("--no-overwrite parameter is not supported for streaming downloads"));
        }
        let paths = [source, target];
        if name == "mv" && task == Task::Copy {
            let source_region = options.text("source-region").filter(|region| !region.is_empty());
            let regions = [source_region.or(region), region];
            let asks = options.has("validate-same-s3-paths");
            stderr.push_str(same_path::check(&paths, regions, asks, calls).await?);
        }
        check_places(task, options)?;
        if task == Task::Upload && !streams && path::kind(calls.session().files, &paths[0]) == Kind::Missing {
            return Err(Failure::general(&format!("The user-provided path {} does not exist.", paths[0])));
        }
        check_keys(task, options)?;
        let is_directory = |path: &String| {
            path.starts_with(SCHEME)
                && path::bucket_and_key(path).is_ok_and(|(bucket, _)| path::is_directory_bucket(bucket))
        };
        if name == "sync" && paths.iter().any(is_directory) {
            return Err(Failure::usage("Cannot use sync command with a directory bucket."));
        }
        Ok(Self { name, options, metadata, paths, task, recursive, streams, region })
    }

    /// Does what was asked for. Gives the exit status.
    pub async fn run(&self, calls: &Calls<'_>, sink: &mut Sink, stderr: &mut String) -> Result<i32, Failure> {
        let source_region = self.options.text("source-region").filter(|region| !region.is_empty());
        let client = Client::new(calls, self.region, source_region)?;
        let files = calls.session().files;
        let [from, to] = &self.paths;
        let source = Place::new(from, self.recursive, files);
        let target = Place::new(to, self.recursive, files);
        let filter = Filter::new(self.options, [from, to], self.recursive);
        let conflict = self.conflict(stderr)?;
        let producer = self.producer(&client, (&source, &target), &filter, conflict, files);
        let job = Job { transfer: self, client: &client, files };
        let loudness = match (self.options.has("quiet"), self.options.has("only-show-errors")) {
            (true, _) => Loudness::Nothing,
            (false, only_errors) if only_errors || self.streams => Loudness::Errors,
            _ => Loudness::All,
        };
        let mut report = Report::new(sink, stderr, loudness);
        match job.run(producer, &mut report).await {
            Some(problem) if problem.ends_all() => {
                report.fatal(&problem);
                Err(Failure { stderr: String::new(), exit_status: problem.exit_status(), info: None })
            }
            Some(problem) => {
                report.fatal(&problem);
                Ok(report.exit_status())
            }
            None => Ok(report.exit_status()),
        }
    }

    fn wishes(&self) -> Wishes<'_> {
        let no_overwrite = self.options.has("no-overwrite") && self.name != "sync";
        Wishes { options: self.options, metadata: self.metadata.as_ref(), no_overwrite }
    }

    /// What to do about names that differ in case only.
    fn conflict(&self, stderr: &mut String) -> Result<Conflict, Failure> {
        let wish = self.options.text("case-conflict").unwrap_or("ignore");
        let conflict = match wish {
            "skip" => Conflict::Skip,
            "warn" => Conflict::Warn,
            "error" => Conflict::Error,
            _ => Conflict::Ignore,
        };
        if !self.recursive || self.task != Task::Download || conflict == Conflict::Ignore {
            return Ok(Conflict::Ignore);
        }
        if path::bucket_and_key(&self.paths[0]).is_ok_and(|(bucket, _)| path::is_directory_bucket(bucket)) {
            if conflict != Conflict::Warn {
                return Err(Failure::usage(&format!(
                    "`{wish}` is not a valid value for `--case-conflict` when operating on S3 Express directory buckets. \
                     Valid values: `warn`, `ignore`."
                )));
            }
            stderr.push_str(
                "warning: Recursive copies/moves from an S3 Express directory bucket to a case-insensitive local \
                 filesystem may result in undefined behavior if there are S3 object key names that differ only by case. To \
                 disable this warning, set the `--case-conflict` parameter to `ignore`. For more information, see \
                 https://docs.aws.amazon.com/cli/latest/topic/s3-case-insensitivity.html.",
            );
            return Ok(Conflict::Ignore);
        }
        Ok(conflict)
    }

    fn producer<'b>(
        &'b self,
        client: &'b Client<'b>,
        places: (&'b Place, &'b Place),
        filter: &'b Filter,
        conflict: Conflict,
        files: &'b dyn Files,
    ) -> Producer<'b> {
        let (source, target) = places;
        if self.streams {
            let name = source.path.rsplit('/').next().unwrap_or_default().to_owned();
            let to = if target.keeps_names { format!("{}{name}", target.path) } else { target.path.clone() };
            let found = Found {
                from: source.path.clone(),
                to,
                name,
                in_s3: source.in_s3,
                size: None,
                modified: None,
                object: Map::new(),
            };
            return Producer::One(Some(found), self.task);
        }
        let wishes = self.wishes();
        let page_size = self.options.int("page-size");
        let head = if self.task == Task::Copy { wishes.head_of_copy() } else { wishes.get() };
        let search = |task, head| Search {
            recursive: self.recursive,
            task,
            filter,
            page_size,
            head,
            list: wishes.payer(),
        };
        let found = Finder::new(client, Side::Source, (source, target), search(Some(self.task), head));
        if self.name != "sync" && conflict == Conflict::Ignore {
            return Producer::All(found, self.task);
        }
        let (rule, deletes) = if self.name == "sync" {
            let rules = [
                ("no-overwrite", Rule::Never),
                ("exact-timestamps", Rule::Differing),
                ("size-only", Rule::Size),
            ];
            let rule = rules.into_iter().find(|(name, _)| self.options.has(name));
            (rule.map_or(Rule::Newer, |(_, rule)| rule), self.options.has("delete"))
        } else {
            (Rule::Always, false)
        };
        let other = Finder::new(client, Side::Target, (target, source), search(None, Map::new()));
        Producer::Compared(Box::new(Comparison {
            source: found,
            target: other,
            task: self.task,
            rule,
            deletes,
            conflict,
            files,
            begun: HashSet::new(),
            heads: (None, None),
        }))
    }
}

/// What a command is about, by the kinds of its paths.
fn task(name: &str, paths: &[String]) -> Result<Task, Failure> {
    let in_s3: Vec<bool> = paths.iter().map(|path| path.starts_with(SCHEME)).collect();
    match (name, in_s3.as_slice()) {
        ("rm", [true]) => Ok(Task::Delete),
        ("cp" | "mv" | "sync", [false, true]) => Ok(Task::Upload),
        ("cp" | "mv" | "sync", [true, false]) => Ok(Task::Download),
        ("cp" | "mv" | "sync", [true, true]) => Ok(Task::Copy),
        _ => {
            let usage = match name {
                "rm" => "<S3Uri>",
                _ => "<LocalPath> <S3Uri> or <S3Uri> <LocalPath> or <S3Uri> <S3Uri>",
            };
            Err(Failure::usage(&format!("usage: aws s3 {name} {usage}\nError: Invalid argument type")))
        }
    }
}

/// Options about checksums go with one direction only.
fn check_places(task: Task, options: &Options) -> Result<(), Failure> {
    let shown = |task| match task {
        Task::Upload => "<LocalPath> <S3Uri>",
        Task::Copy => "<S3Uri> <S3Uri>",
        Task::Download => "<S3Uri> <LocalPath>",
        Task::Delete => "<S3Uri>",
    };
    let allowed: [(&str, &[Task]); 2] =
        [("checksum-algorithm", &[Task::Upload, Task::Copy]), ("checksum-mode", &[Task::Download])];
    for (option, tasks) in allowed {
        if options.has(option) && !tasks.contains(&task) {
            let tasks: Vec<&str> = tasks.iter().map(|task| shown(*task)).collect();
            return Err(Failure::usage(&format!(
                "Expected {option} parameter to be used with one of following path formats: {}. Instead, received {}.",
                tasks.join(", "),
                shown(task)
            )));
        }
    }
    Ok(())
}

/// A customer's key and its algorithm go together.
fn check_keys(task: Task, options: &Options) -> Result<(), Failure> {
    let says = |name: &str| {
        let bytes = options.given(name).and_then(|given| given.bytes.as_ref());
        bytes.map_or_else(
            || options.text(name).is_some_and(|text| !text.is_empty()),
            |bytes| !bytes.is_empty(),
        )
    };
    for algorithm in ["sse-c", "sse-c-copy-source"] {
        let key = format!("{algorithm}-key");
        for (one, other) in [(algorithm, key.as_str()), (key.as_str(), algorithm)] {
            if says(one) && !says(other) {
                return Err(Failure::usage(&format!(
                    "If --{one} is specified, --{other} must be specified as well."
                )));
            }
        }
    }
    if says("sse-c-copy-source") && task != Task::Copy {
        return Err(Failure::usage("--sse-c-copy-source is only supported for copy operations."));
    }
    Ok(())
}

/// Where what is to be done comes from.
enum Producer<'a> {
    /// All that is found.
    All(Finder<'a>, Task),
    /// What differs.
    Compared(Box<Comparison<'a>>),
    /// A stream.
    One(Option<Found>, Task),
}

impl Producer<'_> {
    async fn next(&mut self, warnings: &mut Vec<Warning>) -> Result<Option<(Found, Task)>, Problem> {
        match self {
            Self::All(finder, task) => {
                let task = *task;
                finder.next(warnings).await.map(|found| found.map(|found| (found, task)))
            }
            Self::Compared(comparison) => comparison.next(warnings).await,
            Self::One(found, task) => Ok(found.take().map(|found| (found, *task))),
        }
    }
}

/// The transfers of one command.
struct Job<'a> {
    transfer: &'a Transfer<'a>,
    client: &'a Client<'a>,
    files: &'a dyn Files,
}

/// Something that a command waits for.
type Waiting<'a> = Pin<Box<dyn Future<Output = Event<'a>> + Send + 'a>>;

/// What it has waited for.
enum Event<'a> {
    /// What is to be done next, if there is anything, and where more of it comes from.
    Found(Vec<Warning>, Result<Option<(Found, Task)>, Problem>, Box<Producer<'a>>),
    /// A transfer has come to its end.
    Ended(Outcome),
}

/// What came of one thing that was to be done.
#[derive(Default)]
struct Outcome {
    warnings: Vec<Warning>,
    end: Option<(Line, End)>,
    /// What goes to standard output.
    body: Option<Bytes>,
    /// Why nothing more is done.
    fatal: Option<Problem>,
}

impl<'a> Job<'a> {
    /// Transfers what `producer` gives, several things at a time, and looks for more meanwhile. Gives why that ended early,
    /// if it did; what was begun by then has come to its end.
    async fn run(&'a self, producer: Producer<'a>, report: &mut Report<'_>) -> Option<Problem> {
        let mut events: FuturesUnordered<Waiting<'a>> = FuturesUnordered::new();
        events.push(Self::look(Box::new(producer)));
        let mut idle = None;
        let mut under_way = 0;
        let mut fatal = None;
        while let Some(event) = events.next().await {
            match event {
                Event::Found(warnings, found, producer) => {
                    warnings.iter().for_each(|warning| report.warn(warning));
                    match found {
                        Ok(Some((found, task))) => {
                            events.push(Box::pin(
                                async move { Event::Ended(self.carry_out(found, task).await) },
                            ));
                            under_way += 1;
                            idle = Some(producer);
                        }
                        Ok(None) => {}
                        Err(problem) => fatal = fatal.or(Some(problem)),
                    }
                }
                Event::Ended(outcome) => {
                    under_way -= 1;
                    fatal = fatal.or(Self::tell(outcome, report));
                }
            }
            if fatal.is_none()
                && under_way < PARALLEL
                && let Some(producer) = idle.take()
            {
                events.push(Self::look(producer));
            }
        }
        fatal
    }

    fn look(mut producer: Box<Producer<'a>>) -> Waiting<'a> {
        Box::pin(async move {
            let mut warnings = Vec::new();
            let found = producer.next(&mut warnings).await;
            Event::Found(warnings, found, producer)
        })
    }

    /// Reports what came of one thing. Gives why nothing more is done, if that is so.
    fn tell(outcome: Outcome, report: &mut Report<'_>) -> Option<Problem> {
        outcome.warnings.iter().for_each(|warning| report.warn(warning));
        if let Some(body) = &outcome.body {
            report.sink.push_bytes(body);
        }
        match outcome.end {
            Some((_, End::Failed(problem))) if problem.ends_all() => return Some(problem),
            Some((line, end)) => report.end(&line, &end),
            None => {}
        }
        outcome.fatal
    }

    async fn carry_out(&self, found: Found, task: Task) -> Outcome {
        let mut outcome = Outcome::default();
        if self.leaves_out(&found, task, &mut outcome.warnings) {
            return outcome;
        }
        let wishes = self.transfer.wishes();
        let parameters = match task {
            Task::Upload => wishes.put(),
            Task::Download => Ok(wishes.get()),
            Task::Copy => wishes.copy(),
            Task::Delete => Ok(wishes.payer()),
        };
        let parameters = match parameters {
            Ok(parameters) => parameters,
            Err(problem) => return Outcome { fatal: Some(problem), ..outcome },
        };
        let line = self.line(&found, task);
        if self.transfer.options.has("dryrun") {
            return Outcome { end: Some((line, End::DryRun)), ..outcome };
        }
        let ended = match task {
            Task::Upload => match self.expected_size() {
                Ok(expected) => self.upload(&found, parameters, expected).await,
                Err(problem) => return Outcome { fatal: Some(problem), ..outcome },
            },
            Task::Download => self.download(&found, parameters).await.map(|content| outcome.body = content),
            Task::Copy => self.copy(&found, parameters).await,
            Task::Delete => self.delete(&found, parameters).await,
        };
        let end = match ended {
            Ok(()) => End::Done,
            Err(problem) if problem.code() == Some("PreconditionFailed") => End::Skipped,
            Err(problem) => End::Failed(problem),
        };
        Outcome { end: Some((line, end)), ..outcome }
    }

    /// The transfer as messages name it.
    fn line(&self, found: &Found, task: Task) -> Line {
        let shown = |in_s3: bool, path: &str| match in_s3 {
            false if self.transfer.streams => STREAM.to_owned(),
            in_s3 => path::shown(in_s3, path),
        };
        let from = shown(found.in_s3, &found.from);
        let path = match task {
            Task::Delete => from,
            _ => format!("{from} to {}", shown(task != Task::Download, &found.to)),
        };
        let kind = if self.transfer.name == "mv" { "move" } else { task.name() };
        Line { kind, path }
    }

    /// Whether something is left out, with a warning or without.
    fn leaves_out(&self, found: &Found, task: Task, warnings: &mut Vec<Warning>) -> bool {
        if !matches!(task, Task::Download | Task::Copy) {
            return false;
        }
        let options = self.transfer.options;
        let is_archived = text(&found.object, "StorageClass").is_some_and(|class| ARCHIVES.contains(&class))
            && !text(&found.object, "Restore").is_some_and(|text| text.contains("ongoing-request=\"false\""));
        if is_archived && !options.has("force-glacier-transfer") {
            if !options.has("ignore-glacier-warnings") {
                let (path, name) = (path::shown(true, &found.from), task.name());
                warnings.push(Warning::counted(&format!(
                    "Skipping file {path}. Object is of storage class GLACIER. Unable to perform {name} operations on \
                     GLACIER objects. You must restore the object to be able to perform the operation. See aws s3 {name} \
                     help for additional parameter options to ignore or force these transfers."
                )));
            }
            return true;
        }
        if task == Task::Download && goes_above(&found.name) {
            let text = format!("Skipping file {}. File references a parent directory.", found.name);
            warnings.push(Warning::counted(&text));
            return true;
        }
        task == Task::Download
            && self.transfer.wishes().no_overwrite
            && path::kind(self.files, &found.to) != Kind::Missing
    }

    /// The size by which a stream is uploaded, if it was given.
    fn expected_size(&self) -> Result<Option<u64>, Problem> {
        let Some(word) = self.transfer.options.text("expected-size").filter(|_| self.transfer.streams) else {
            return Ok(None);
        };
        match values::int(word) {
            Some(Value::Int(size)) => Ok(Some(u64::try_from(size).unwrap_or_default())),
            Some(_) => Ok(Some(u64::MAX)),
            None => {
                let word = crate::format::repr_text(word);
                Err(Problem::Said(format!("invalid literal for int() with base 10: {word}")))
            }
        }
    }

    async fn upload(&self, found: &Found, mut parameters: Map, expected: Option<u64>) -> Result<(), Problem> {
        let Transfer { options, streams, name, .. } = self.transfer;
        let content = if *streams {
            self.client.calls.session().stdin.clone()
        } else {
            self.files.read(&found.from).map_err(|error| Problem::Said(error.to_string()))?
        };
        let guesses =
            !streams && !options.has("no-guess-mime-type") && !parameters.contains_key("ContentType");
        if let Some(kind) = media_type::of(&found.from).filter(|_| guesses) {
            parameters.insert("ContentType".to_owned(), Value::Str(kind.to_owned()));
        }
        let (bucket, key) = path::split(&found.to);
        let begun = &|_| {};
        let upload = Upload { bucket, key, content, expected_size: expected, parameters, begun };
        upload.run(self.client).await?;
        if *name == "mv" {
            self.files.remove(&found.from).map_err(|error| Problem::Said(error.to_string()))?;
        }
        Ok(())
    }

    /// Downloads to a file, or to what standard output gets.
    async fn download(&self, found: &Found, parameters: Map) -> Result<Option<Bytes>, Problem> {
        let (bucket, key) = path::split(&found.from);
        let download = Download { bucket, key, size: found.size, object: &found.object, parameters };
        let content = download.run(self.client).await?;
        if self.transfer.streams {
            return Ok(Some(content));
        }
        let said = |error: crate::files::FileError| Problem::Said(error.to_string());
        self.files.write(&found.to, content).map_err(said)?;
        if let Some(modified) = found.modified {
            let modified = modified.replace_nanosecond(0).unwrap_or(modified);
            self.files.set_modified(&found.to, modified.into()).map_err(said)?;
        }
        self.delete_source(found).await?;
        Ok(None)
    }

    async fn copy(&self, found: &Found, parameters: Map) -> Result<(), Problem> {
        let copy = Copy {
            source: path::split(&found.from),
            target: path::split(&found.to),
            size: found.size.unwrap_or_default(),
            object: &found.object,
            is_complete: !self.transfer.recursive,
            wishes: self.transfer.wishes(),
            parameters,
        };
        copy.run(self.client).await?;
        self.delete_source(found).await
    }

    /// Takes away what was moved.
    async fn delete_source(&self, found: &Found) -> Result<(), Problem> {
        if self.transfer.name == "mv" {
            self.delete_object(Side::Source, &found.from, self.transfer.wishes().payer()).await?;
        }
        Ok(())
    }

    async fn delete(&self, found: &Found, parameters: Map) -> Result<(), Problem> {
        if found.in_s3 {
            return self.delete_object(Side::Target, &found.from, parameters).await;
        }
        self.files.remove(&found.from).map_err(|error| Problem::Said(error.to_string()))
    }

    async fn delete_object(&self, side: Side, path: &str, more: Map) -> Result<(), Problem> {
        let (bucket, key) = path::split(path);
        let mut asked = parameters([("Bucket", bucket), ("Key", key)]);
        asked.extend(more);
        self.client.call(side, "DeleteObject", asked).await?;
        Ok(())
    }
}

/// Whether a name leads out of the folder that it is put into.
fn goes_above(name: &str) -> bool {
    let mut depth = 0_usize;
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." if depth == 0 => return true,
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_out_of_their_folder_are_told() {
        for (name, above) in [
            ("a", false),
            ("../a", true),
            ("a/../b", false),
            ("a/../../b", true),
            ("/../a", true),
            ("..a", false),
            ("a/..", false),
            ("", false),
        ] {
            assert_eq!(goes_above(name), above, "{name}");
        }
    }
}
