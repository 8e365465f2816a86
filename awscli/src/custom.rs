//! The commands of the official CLI that are its own: not one operation of an API, but what somebody wrote. [`COMMANDS`]
//! says what each takes; here the words are read by it, and the commands are run.

mod association;
mod build;
mod client;
mod cloudformation;
mod ddb;
mod distribution;
mod ecs;
mod emr;
mod kubeconfig;
mod logs;
mod on_premises;
mod package;
mod pipeline;
mod product;
mod query_results;
mod recorder;
mod revision;
mod role;
mod schema;
mod skill;
mod table;
mod token;
mod upload;

pub(crate) use distribution::set_default_root_object;
pub(crate) use pipeline::{
    apply as apply_definition, parameter_objects, parameter_values, translate as translate_definition,
};
pub use table::COMMANDS;

use std::borrow::Cow;

use bytes::Bytes;

use crate::classify::mints_alone;
use crate::command::values::{self, Loaded};
use crate::command::words::{self, Arity, Check, OptionSpec, Positional, Words};
use crate::command::{Context, Custom, GLOBALS, Globals, UsageError, no_help};
use crate::format;
use crate::run::{Failure, Printer, USAGE};
use crate::s3;
use crate::send::Calls;
use crate::value::Value;

/// A command of the CLI's own.
#[derive(Debug, PartialEq, Eq)]
pub struct CustomCommand {
    /// Its words, such as `logs` and `tail`.
    pub path: &'static [&'static str],
    /// What it takes, in the order in which messages name it.
    pub arguments: &'static [Argument],
    /// Help does not name it.
    pub hidden: bool,
}

/// One thing that a command takes.
#[derive(Debug, PartialEq, Eq)]
pub struct Argument {
    /// Its name, without dashes.
    pub name: &'static str,
    /// What its words are.
    pub kind: ArgumentKind,
    /// How many words it takes.
    pub arity: Arity,
    /// It must be given.
    pub required: bool,
    /// It stands without its name.
    pub positional: bool,
    /// It may be given more than once.
    pub repeats: bool,
    /// Its word must be one of these. Empty if anything will do.
    pub choices: &'static [&'static str],
    /// What it is if it is not given.
    pub default: Option<&'static str>,
    /// What it is if it is given without a word.
    pub implied: Option<&'static str>,
    /// Help names the options of one group together.
    pub group: Option<&'static str>,
    /// Its word is taken as it is, even if it begins with `file://`.
    pub verbatim: bool,
    /// What its structure is, in the notation of `schema`, for lists, maps and structures.
    pub schema: Option<&'static str>,
}

/// What an argument's words are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArgumentKind {
    /// Text.
    Text,
    /// A whole number.
    Integer,
    /// No words: yes.
    Flag,
    /// No words: no.
    Off,
    /// Text, or the bytes of a file.
    Blob,
    /// A list, in words, shorthand or JSON.
    List,
    /// A map in shorthand or JSON.
    Map,
    /// A structure in shorthand or JSON.
    Structure,
}

const fn command(path: &'static [&'static str], arguments: &'static [Argument]) -> CustomCommand {
    CustomCommand { path, arguments, hidden: false }
}

impl CustomCommand {
    const fn hidden(self) -> Self {
        Self { hidden: true, ..self }
    }

    /// The commands whose words are this one's and one more.
    pub fn subcommands(&self) -> impl Iterator<Item = &'static Self> {
        let path = self.path;
        COMMANDS
            .iter()
            .filter(move |command| command.path.split_last().is_some_and(|(_, above)| above == path))
    }
}

/// The words that follow a service's for the CLI's own commands.
pub fn subcommands(service: &str) -> impl Iterator<Item = &str> {
    let own = COMMANDS.iter().filter(move |command| command.path.len() == 2 && command.path[0] == service);
    own.map(|command| command.path[1])
}

const fn argument(name: &'static str, kind: ArgumentKind, arity: Arity) -> Argument {
    Argument {
        name,
        kind,
        arity,
        required: false,
        positional: false,
        repeats: false,
        choices: &[],
        default: None,
        implied: None,
        group: None,
        verbatim: false,
        schema: None,
    }
}

const fn text(name: &'static str) -> Argument {
    argument(name, ArgumentKind::Text, Arity::One)
}

const fn positional(name: &'static str) -> Argument {
    Argument { positional: true, required: true, ..text(name) }
}

const fn integer(name: &'static str) -> Argument {
    argument(name, ArgumentKind::Integer, Arity::One)
}

const fn flag(name: &'static str) -> Argument {
    argument(name, ArgumentKind::Flag, Arity::Zero)
}

const fn off(name: &'static str) -> Argument {
    argument(name, ArgumentKind::Off, Arity::Zero)
}

const fn blob(name: &'static str) -> Argument {
    argument(name, ArgumentKind::Blob, Arity::One)
}

const fn list(name: &'static str) -> Argument {
    argument(name, ArgumentKind::List, Arity::OneOrMore).of("[]")
}

const fn map(name: &'static str) -> Argument {
    argument(name, ArgumentKind::Map, Arity::One).of("<>")
}

const fn structure(name: &'static str) -> Argument {
    argument(name, ArgumentKind::Structure, Arity::One)
}

impl Argument {
    const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    const fn repeated(self) -> Self {
        Self { repeats: true, ..self }
    }

    const fn arity(self, arity: Arity) -> Self {
        let required = self.required && !matches!(arity, Arity::Optional);
        Self { arity, required, ..self }
    }

    const fn choices(self, choices: &'static [&'static str]) -> Self {
        Self { choices, ..self }
    }

    const fn default(self, default: &'static str) -> Self {
        Self { default: Some(default), ..self }
    }

    const fn implied(self, implied: &'static str) -> Self {
        Self { implied: Some(implied), ..self }
    }

    const fn group(self, group: &'static str) -> Self {
        Self { group: Some(group), ..self }
    }

    const fn of(self, schema: &'static str) -> Self {
        Self { schema: Some(schema), ..self }
    }

    const fn verbatim(self) -> Self {
        Self { verbatim: true, ..self }
    }

    fn spec(&self) -> OptionSpec {
        let check = if self.choices.is_empty() { Check::Text } else { Check::Choice(self.choices) };
        let name = format!("--{}", self.name);
        OptionSpec { name, arity: self.arity, check, required: self.required, repeats: self.repeats }
    }
}

/// What a command was given. Arguments are asked for by their names in its table.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    command: &'static CustomCommand,
    given: Vec<Given>,
}

/// One argument as it was given.
#[derive(Debug, Clone, PartialEq)]
pub struct Given {
    /// Its name.
    pub name: &'static str,
    /// Its words; that of a file has become the file's text.
    pub words: Vec<String>,
    /// Its word was read from a file.
    pub loaded: bool,
    /// The content of the file that it named with `fileb://`.
    pub bytes: Option<Bytes>,
    /// What its words give, if it has a structure.
    pub value: Option<Value>,
}

impl Options {
    /// The command that they are given to.
    pub fn command(&self) -> &'static CustomCommand {
        self.command
    }

    fn argument(&self, name: &str) -> Option<&'static Argument> {
        self.command.arguments.iter().find(|argument| argument.name == name)
    }

    /// All that was given, in the order in which it was, positional words first.
    pub fn in_order(&self) -> &[Given] {
        &self.given
    }

    /// One argument, if it was given.
    pub fn given(&self, name: &str) -> Option<&Given> {
        self.given.iter().find(|given| given.name == name)
    }

    /// Whether a flag was given.
    pub fn has(&self, name: &str) -> bool {
        self.given(name).is_some()
    }

    /// Which of these flags was given last.
    pub fn last(&self, names: &[&str]) -> Option<&'static str> {
        self.given.iter().rev().map(|given| given.name).find(|name| names.contains(name))
    }

    /// The word of an argument, or its default.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.given(name) {
            Some(given) => given
                .words
                .first()
                .map(String::as_str)
                .or_else(|| self.argument(name).and_then(|a| a.implied)),
            None => self.argument(name).and_then(|argument| argument.default),
        }
    }

    /// The words of an argument; none if it was not given.
    pub fn texts(&self, name: &str) -> &[String] {
        self.given(name).map_or(&[], |given| &given.words)
    }

    /// What was given for an argument with a structure.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.given(name).and_then(|given| given.value.as_ref())
    }

    /// The number of an argument, or its default. A number of more than 64 bits is the nearest of those.
    pub fn int(&self, name: &str) -> Option<i64> {
        match values::int(self.text(name)?)? {
            Value::Int(number) => Some(number),
            Value::BigInt(text) => Some(if text.starts_with('-') { i64::MIN } else { i64::MAX }),
            _ => None,
        }
    }
}

/// Reads the words behind `path`, which begins a command of the CLI's own.
///
/// # Errors
/// What the official CLI says about words that the command does not take.
pub fn parse(
    path: &[&str],
    mut words: Vec<String>,
    globals: Globals,
    context: Context<'_>,
) -> Result<Custom, UsageError> {
    let Some(mut command) = COMMANDS.iter().find(|command| command.path == path) else {
        return Err(UsageError::general(format!("there is no command {}", path.join(" "))));
    };
    loop {
        if let [only] = words.as_slice()
            && only == "help"
        {
            return Err(no_help());
        }
        let subcommands: Vec<_> = command.subcommands().collect();
        let below: Vec<&'static str> =
            subcommands.iter().filter_map(|sub| sub.path.last().copied()).collect();
        let parsed = tell_apart(command, &below, &words)?;
        let given = parsed.positionals.last().and_then(|words| words.first());
        let subcommand = subcommands.iter().find(|sub| given.map(String::as_str) == sub.path.last().copied());
        if let (Some(subcommand), Some(given)) = (subcommand, given) {
            let at = words.iter().position(|word| word == given).unwrap_or_default();
            words.remove(at);
            command = subcommand;
            continue;
        }
        let options = read(command, &parsed, context)?;
        if !parsed.rest.is_empty() {
            return Err(unknown(command, &parsed.rest));
        }
        if !below.is_empty() && command.path != ["configure"] {
            return Err(UsageError::parameter(&format!(
                "usage: aws [options] {} <subcommand> [parameters]\naws: [ERROR]: too few arguments",
                command.path.join(" ")
            )));
        }
        return Ok(Custom { options, words, globals });
    }
}

/// Tells the words of a command apart. Where there are commands below it, the last positional is the word of one.
fn tell_apart(
    command: &'static CustomCommand,
    below: &[&'static str],
    words: &[String],
) -> Result<Words, UsageError> {
    let (positionals, options): (Vec<_>, Vec<_>) =
        command.arguments.iter().partition(|argument| argument.positional);
    let specs: Vec<OptionSpec> = options.iter().map(|argument| argument.spec()).collect();
    let mut positionals: Vec<Positional<'_>> = positionals
        .iter()
        .map(|argument| Positional {
            arity: argument.arity,
            choices: argument.choices,
            ..Positional::new(argument.name, argument.required)
        })
        .collect();
    if !below.is_empty() {
        positionals.push(Positional { choices: below, ..Positional::new("subcommand", false) });
    }
    words::parse(&specs, &positionals, words).map_err(|message| UsageError::usage(&message))
}

/// Loads the files that words name, and checks numbers.
fn read(
    command: &'static CustomCommand,
    parsed: &Words,
    context: Context<'_>,
) -> Result<Options, UsageError> {
    let positionals = command.arguments.iter().filter(|argument| argument.positional);
    let options: Vec<&Argument> = command.arguments.iter().filter(|argument| !argument.positional).collect();
    let positionals = positionals.zip(&parsed.positionals).filter(|(_, words)| !words.is_empty());
    let options = parsed.options.iter().map(|(index, words)| (options[*index], words));
    let mut given = Vec::new();
    for (argument, words) in positionals.chain(options) {
        let mut read =
            Given { name: argument.name, words: words.clone(), loaded: false, bytes: None, value: None };
        if let [word] = read.words.as_mut_slice()
            && !argument.verbatim
        {
            let loaded = values::load(context.files, word).map_err(|error| {
                UsageError::parameter(&format!("Error parsing parameter '--{}': {error}", argument.name))
            })?;
            match loaded {
                Loaded::Text(Cow::Borrowed(_)) => {}
                Loaded::Text(Cow::Owned(text)) => {
                    *word = text;
                    read.loaded = true;
                }
                Loaded::Bytes(bytes) => {
                    *word = String::from_utf8_lossy(&bytes).into_owned();
                    (read.loaded, read.bytes) = (true, Some(bytes));
                }
            }
        }
        if argument.kind == ArgumentKind::Integer {
            for word in &read.words {
                values::python_int(&Value::Str(word.clone()))?;
            }
        }
        if let Some(schema) = argument.schema {
            let (operation, option) = (command.path.last().copied(), format!("--{}", argument.name));
            let operation = operation.unwrap_or_default();
            read.value = Some(schema::read(schema, operation, &option, &read.words, context.files)?);
        }
        given.push(read);
    }
    Ok(Options { command, given })
}

/// Words that a command does not take, with those of its options that are much like them.
fn unknown(command: &CustomCommand, rest: &[String]) -> UsageError {
    let own: Vec<String> = command.arguments.iter().map(|argument| format!("--{}", argument.name)).collect();
    let known: Vec<&str> =
        own.iter().map(String::as_str).chain(GLOBALS.iter().map(|(name, ..)| *name)).collect();
    let mut message = format!("Unknown options: {}", rest.join(", "));
    let mut lead = "\n\nMaybe you meant:";
    for option in rest.iter().filter(|word| word.starts_with("--")) {
        for close in words::close_matches(option, &known) {
            message.push_str(&format!("{lead}\n  * {close} (instead of {option})"));
            lead = "";
        }
    }
    UsageError::parameter(&message)
}

/// Runs a command. Returns its exit status.
pub(crate) async fn run(
    custom: &Custom,
    calls: &mut Calls<'_>,
    printer: &mut Printer,
) -> Result<i32, Failure> {
    let path = custom.options.command().path;
    // Here, so that no such command can forget it.
    if let [service, command, ..] = path
        && mints_alone(path)
    {
        calls.mint(service, command).await?;
    }
    match path {
        ["cloudformation", "package"] => package::package(custom, calls, printer).await,
        ["cloudformation", "deploy"] => cloudformation::deploy(custom, calls, printer).await,
        ["agent-toolkit", "get-skill-file"] => skill::file(custom, calls, printer).await,
        ["cloudtrail", "verify-query-results"] => query_results::verify(custom, calls, printer).await,
        ["configservice", "get-status"] => recorder::status(calls, printer).await,
        ["configservice", "subscribe"] => recorder::subscribe(custom, calls, printer).await,
        ["datapipeline", "create-default-roles"] => role::data_pipeline(custom, calls, printer).await,
        ["datapipeline", "list-runs"] => pipeline::list_runs(custom, calls, printer).await,
        ["ddb", "put"] => ddb::put(custom, calls, printer).await,
        ["ddb", "select"] => ddb::select(custom, calls, printer).await,
        ["deploy", "deregister"] => on_premises::deregister(custom, calls, printer).await,
        ["deploy", "push"] => revision::push(custom, calls, printer).await,
        ["deploy", "register"] => on_premises::register(custom, calls, printer).await,
        ["dlm", "create-default-role"] => role::data_lifecycle(custom, calls, printer).await,
        ["dsql", "generate-db-connect-auth-token"] => token::dsql("DbConnect", custom, calls, printer),
        ["dsql", "generate-db-connect-admin-auth-token"] => {
            token::dsql("DbConnectAdmin", custom, calls, printer)
        }
        ["ecr" | "ecr-public", "get-login-password"] => token::ecr(path[0], calls, printer).await,
        ["ecs", "deploy"] => ecs::deploy(custom, calls, printer).await,
        ["eks", "update-kubeconfig"] => kubeconfig::update(custom, calls, printer).await,
        ["eks", "get-token"] => token::eks(custom, calls, printer),
        ["emr", "create-cluster"] => emr::create(custom, calls, printer).await,
        ["emr", command] => emr::run(command, custom, calls, printer).await,
        ["emr-containers", "create-role-associations"] => association::create(custom, calls, printer).await,
        ["emr-containers", "delete-role-associations"] => association::delete(custom, calls, printer).await,
        ["emr-containers", "update-role-trust-policy"] => association::trust(custom, calls, printer).await,
        ["gamelift", "get-game-session-log"] => build::log(custom, calls, printer).await,
        ["gamelift", "upload-build"] => build::upload(custom, calls, printer).await,
        ["servicecatalog", "generate", what] => product::generate(what, custom, calls, printer).await,
        ["rds", "generate-db-auth-token"] => token::rds(custom, calls, printer),
        ["logs", "start-live-tail"] => logs::live_tail(custom, calls, printer).await,
        ["logs", "tail"] => logs::tail(custom, calls, printer).await,
        ["s3", command] => s3::run(command, custom, calls, printer).await,
        [] => Ok(0),
        path => {
            let reason = format!("`aws {}` is not available here: it is not ready.", path.join(" "));
            Err(Failure { stderr: format::error_line(&reason), exit_status: USAGE, info: None })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{Files, MemoryFiles};

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    fn options(path: &[&str], line: &str) -> Result<Options, UsageError> {
        let files = MemoryFiles::new(100);
        files.write("group", Bytes::from_static(b"/aws/x")).unwrap();
        let context = Context { files: &files, now: std::time::UNIX_EPOCH };
        parse(path, words(line), Globals::default(), context).map(|custom| custom.options)
    }

    /// The texts are those of the official CLI 2.38.5.
    #[test]
    fn mistakes_are_worded_as_by_the_official_cli() {
        let tail = ["logs", "tail"];
        let cases: [(&[&str], &str, i32, &str); 11] = [
            (&tail, "", 252, "the following arguments are required: group_name"),
            (&tail, "g x y", 252, "Unknown options: x, y\n"),
            (&tail, "--since 5m --foo bar", 252, "Unknown options: --foo\n"),
            (
                &tail,
                "g --regionn x --sincee 5",
                252,
                "Unknown options: --regionn, x, --sincee, 5\n\nMaybe you meant:\n  * --region (instead of --regionn)\n  \
                 * --since (instead of --sincee)\n",
            ),
            (&tail, "g --format jsn", 252, "Found invalid choice 'jsn'\n\nMaybe you meant:\n\n  * json"),
            (&["servicecatalog", "generate"], "", 252, "usage: aws [options] servicecatalog generate <sub"),
            (&["servicecatalog", "generate"], "--foo", 252, "Unknown options: --foo\n"),
            (&["servicecatalog", "generate"], "product --product-nam", 252, "--product-name: expected one"),
            (&["s3", "cp"], "a --recursive b", 252, "the following arguments are required: paths"),
            (&["s3", "mb"], "s3://x --tags a", 252, "argument --tags: expected 2 arguments"),
            (
                &["rds", "generate-db-auth-token"],
                "--hostname h --port x --username u",
                255,
                "\naws: [ERROR]: invalid literal for int() with base 10: 'x'\n",
            ),
        ];
        for (path, line, status, message) in cases {
            let error = options(path, line).expect_err(line);
            assert_eq!(error.exit_status, status, "{path:?} {line}");
            assert!(error.stderr.contains(message), "{path:?} {line}: {}", error.stderr);
        }
    }

    #[test]
    fn arguments_are_asked_for_by_name() {
        let tail = options(&["logs", "tail"], "file://group --foll").unwrap();
        assert_eq!((tail.text("group_name"), tail.text("since")), (Some("/aws/x"), Some("10m")));
        assert!(tail.has("follow") && !tail.has("format"));
        let copy =
            options(&["s3", "cp"], "a b --exclude * --include x --exclude y --sse --page-size 5").unwrap();
        let filters = copy.in_order().iter().filter(|given| ["include", "exclude"].contains(&given.name));
        assert_eq!(filters.map(|given| &*given.words[0]).collect::<Vec<_>>(), ["*", "x", "y"]);
        assert_eq!((copy.texts("paths"), copy.text("sse")), (&words("a b")[..], Some("AES256")));
        assert_eq!((copy.int("page-size"), copy.int("progress-frequency")), (Some(5), Some(0)));
        let generate = options(&["codecommit", "credential-helper"], "get --ignore-host-check").unwrap();
        assert_eq!(generate.command().path, ["codecommit", "credential-helper", "get"]);
    }

    /// As many as the official CLI 2.38.5 has.
    #[test]
    fn the_table_is_complete_and_in_order() {
        assert!(COMMANDS.is_sorted_by_key(|command| command.path));
        assert_eq!(COMMANDS.len(), 109);
        assert_eq!(COMMANDS.iter().map(|command| command.arguments.len()).sum::<usize>(), 524);
    }
}
