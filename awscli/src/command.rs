//! From the words of a command to what it asks for: which operation of which service, with which validated parameters.
//!
//! The grammar is the official CLI's, down to its messages and exit statuses, with these differences: options that would
//! reach the host (an endpoint, a profile, files) are refused by name, values are never loaded from files or the network,
//! and an option that is given twice is an error.

mod date;
pub(crate) mod json;
pub(crate) mod offered;
pub mod own;
pub(crate) mod shorthand;
pub(crate) mod validate;
pub(crate) mod values;
pub mod words;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::SystemTime;

use crate::catalog;
use crate::custom::{self, Options};
use crate::files::Files;
use crate::format::ErrorFormat;
use crate::model::{Argument, ArgumentKind, Kind, Member, NO_MEMBER, Operation, Service};
use crate::query::Expression;
use crate::refused::refusal;
use crate::skeleton;
pub use crate::skeleton::Skeleton;
use crate::value::{Map, Value};
use crate::yaml::{self, Dialect, YamlError};
pub(crate) use date::parse as parse_date;
pub use own::Outfile;
use validate::Typed;
use values::{BinaryFormat, Loaded, Reading};
pub(crate) use values::{base64, takes_bare_words};
use words::{Arity, Check, OptionSpec, Positional, Words};

/// What a command line asks for.
#[derive(Debug)]
pub enum Command {
    /// An API operation.
    Operation(Box<Parsed>),
    /// `wait`: repeats an operation until a condition holds. The first field is an index into [`Service::waiters`].
    Wait(usize, Box<Parsed>),
    /// A command of the CLI's own.
    Custom(Custom),
    /// `--version`.
    Version,
}

/// A call of an API operation.
#[derive(Debug)]
pub struct Parsed {
    /// The service.
    pub service: Arc<Service>,
    /// Index into [`Service::operations`].
    pub operation: usize,
    /// The validated input: blobs as bytes, timestamps as such. Idempotency tokens that were not given are missing.
    pub parameters: Map,
    /// How results are paged.
    pub paging: Paging,
    /// The file that the streamed result was to go to, for commands that have one.
    pub outfile: Option<String>,
    /// Parts of the result that are kept in files, too.
    pub outfiles: Vec<Outfile>,
    /// What `cloudfront update-distribution` sets in the configuration that the distribution has: with it the parameters
    /// are not complete, nor validated.
    pub default_root_object: Option<String>,
    /// Options of every command.
    pub globals: Globals,
    /// What the CLI says on standard error before it calls.
    pub warning: Option<String>,
    /// The sample to print instead of making the call. [`Parsed::parameters`] are not validated for one of parameters.
    pub skeleton: Option<Skeleton>,
}

impl Command {
    /// The options of every command that it was given. `--version` takes none.
    pub fn globals(&self) -> Option<&Globals> {
        match self {
            Self::Operation(parsed) | Self::Wait(_, parsed) => Some(&parsed.globals),
            Self::Custom(custom) => Some(&custom.globals),
            Self::Version => None,
        }
    }
}

impl Parsed {
    /// The operation.
    pub fn operation(&self) -> &Operation {
        &self.service.operations[self.operation]
    }
}

/// How results are paged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Paging {
    /// All pages are read. False for operations without a paginator, for `--no-paginate`, and when the user pages himself.
    pub automatic: bool,
    /// `--starting-token`.
    pub starting_token: Option<String>,
    /// `--page-size`.
    pub page_size: Option<i64>,
    /// `--max-items`.
    pub max_items: Option<i64>,
}

/// Options of every command.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Globals {
    /// `--region`, a valid host label.
    pub region: Option<String>,
    /// `--output`: one of [`OUTPUTS`].
    pub output: Option<String>,
    /// `--query`, not parsed yet.
    pub query: Option<String>,
    /// `--no-paginate`.
    pub no_paginate: bool,
    /// `--cli-error-format`.
    pub error_format: ErrorFormat,
}

/// A command of the CLI's own, such as `s3 ls`.
#[derive(Debug, Clone, PartialEq)]
pub struct Custom {
    /// What it was given, told apart.
    pub options: Options,
    /// The words behind the command's, without the options of every command.
    pub words: Vec<String>,
    /// Options of every command.
    pub globals: Globals,
}

/// Why a command line is not run: what standard error shows and the exit status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageError {
    /// What standard error shows.
    pub stderr: String,
    /// 252 for wrong usage or parameters, 255 for what the official CLI stumbles over.
    pub exit_status: i32,
}

/// Exit status of wrong usage and wrong parameters.
const USAGE_STATUS: i32 = 252;

/// Exit status of anything else.
const GENERAL_STATUS: i32 = 255;

const USAGE: &str = "usage: aws [options] <command> <subcommand> [<subcommand> ...] [parameters]\n\
                     To see help text, you can run:\n\n  aws help\n  aws <command> help\n  aws <command> <subcommand> help\n";

impl UsageError {
    /// Wrong words: the message with the usage below.
    pub fn usage(message: &str) -> Self {
        let stderr = format!("\naws: [ERROR]: An error occurred (ParamValidation): {message}\n\n{USAGE}");
        Self { stderr, exit_status: USAGE_STATUS }
    }

    /// Wrong parameters: the message alone.
    pub fn parameter(message: &str) -> Self {
        let stderr = format!("\naws: [ERROR]: An error occurred (ParamValidation): {}\n", message.trim_end());
        Self { stderr, exit_status: USAGE_STATUS }
    }

    /// Options that the command does not have, with those among `known` that are much like them.
    pub fn unknown_options(options: &[String], known: &[&str]) -> Self {
        let mut stderr = format!("\n{USAGE}\n\naws: [ERROR]: Unknown options: {}\n", options.join(", "));
        let mut lead = "\nMaybe you meant:\n";
        for option in options.iter().filter(|word| word.starts_with("--")) {
            for close in words::close_matches(option, known) {
                stderr.push_str(&format!("{lead}  * {close} (instead of {option})\n"));
                lead = "";
            }
        }
        Self { stderr, exit_status: USAGE_STATUS }
    }

    /// Something that the official CLI has and this program does not do.
    pub fn refused(message: &str) -> Self {
        Self { stderr: format!("\naws: [ERROR]: {message}\n"), exit_status: USAGE_STATUS }
    }

    /// What the official CLI does not foresee.
    pub fn general(message: String) -> Self {
        Self { stderr: format!("\naws: [ERROR]: {message}\n"), exit_status: GENERAL_STATUS }
    }
}

/// The output formats of the official CLI.
pub const OUTPUTS: &[&str] = &["json", "text", "table", "yaml", "yaml-stream", "off"];

/// The options of every command, in the official CLI's order, which messages about ambiguous prefixes show.
pub(crate) const GLOBALS: [(&str, Arity, Check); 19] = [
    ("--debug", Arity::Zero, Check::Text),
    ("--endpoint-url", Arity::One, Check::Text),
    ("--no-verify-ssl", Arity::Zero, Check::Text),
    ("--no-paginate", Arity::Zero, Check::Text),
    ("--output", Arity::One, Check::Choice(OUTPUTS)),
    ("--query", Arity::One, Check::Text),
    ("--profile", Arity::One, Check::Text),
    ("--region", Arity::One, Check::Text),
    ("--version", Arity::Zero, Check::Text),
    ("--color", Arity::One, Check::Choice(&["on", "off", "auto"])),
    ("--no-sign-request", Arity::Zero, Check::Text),
    ("--ca-bundle", Arity::One, Check::Text),
    ("--cli-read-timeout", Arity::One, Check::Text),
    ("--cli-connect-timeout", Arity::One, Check::Text),
    ("--cli-binary-format", Arity::One, Check::Choice(&["base64", "raw-in-base64-out"])),
    ("--no-cli-pager", Arity::Zero, Check::Text),
    ("--cli-auto-prompt", Arity::Zero, Check::Text),
    ("--no-cli-auto-prompt", Arity::Zero, Check::Text),
    ("--cli-error-format", Arity::One, Check::Choice(ErrorFormat::CHOICES)),
];

/// Options of every command that are not for chat, and why.
pub(crate) const REFUSED: [(&str, &str); 9] = [
    ("--debug", "its output would show credentials"),
    ("--endpoint-url", "requests go to AWS's own endpoints only"),
    ("--no-verify-ssl", "certificates are always verified"),
    ("--profile", "commands run under the role that is mapped to you"),
    ("--no-sign-request", "requests are always signed with your role"),
    ("--ca-bundle", "there are no files here to read from"),
    ("--cli-read-timeout", "the time a command may take is set by the host"),
    ("--cli-connect-timeout", "the time a command may take is set by the host"),
    ("--cli-auto-prompt", "there is no terminal to prompt on"),
];

/// What a command line may look at besides its words.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The files that `file://`, `fileb://` and streamed values name.
    pub files: &'a dyn Files,
    /// The day that times without one are of.
    pub now: SystemTime,
}

/// Parses a command line, without the leading `aws`.
pub fn parse(argv: &[String], context: Context<'_>) -> Result<Command, UsageError> {
    let command = parse_words(argv, context)?;
    // The official CLI makes its client, and so looks at the region, when all words are understood.
    match command.globals().and_then(|globals| globals.region.as_deref()) {
        Some(region) if !is_region(region) => {
            let message = format!("Provided region_name '{region}' doesn't match a supported format.");
            Err(UsageError::general(message))
        }
        _ => Ok(command),
    }
}

fn parse_words(argv: &[String], context: Context<'_>) -> Result<Command, UsageError> {
    let specs: Vec<OptionSpec> = GLOBALS
        .iter()
        .map(|(name, arity, check)| OptionSpec { arity: *arity, check: *check, ..OptionSpec::text(*name) })
        .collect();
    let services = offered::services();
    let words = level(&specs, "command", &services, argv);
    // `--version` answers before anything else is looked at, but not before an error in front of it.
    let words = match words {
        Err(_) if argv.first().is_some_and(|word| word == "--version") => return Ok(Command::Version),
        words => words.map_err(|message| UsageError::usage(&message))?,
    };
    let given = |name| global(&words, name);
    if let Some((name, reason)) = REFUSED.iter().find(|(name, _)| given(name).is_some()) {
        return Err(UsageError::refused(&format!("{name} is not available here: {reason}.")));
    }
    if given("--version").is_some() {
        return Ok(Command::Version);
    }
    let error_format = given("--cli-error-format").map_or(ErrorFormat::default(), ErrorFormat::of_word);
    below(&words, error_format, context).map_err(|error| {
        let stderr = error_format.show(error.stderr, None);
        UsageError { stderr, ..error }
    })
}

/// The first word of an option of every command, if it was given.
fn global<'a>(words: &'a Words, name: &str) -> Option<&'a str> {
    let index = GLOBALS.iter().position(|(global, ..)| *global == name)?;
    Some(words.option(index)?.first().map_or("", String::as_str))
}

/// Parses what is below the options of every command.
fn below(words: &Words, error_format: ErrorFormat, context: Context<'_>) -> Result<Command, UsageError> {
    let given = |name| global(words, name);
    let globals = Globals {
        region: given("--region").map(str::to_owned),
        output: given("--output").map(str::to_owned),
        query: given("--query").map(|query| values::text(context.files, "--query", query)).transpose()?,
        no_paginate: given("--no-paginate").is_some(),
        error_format,
    };
    if let Some(text) = &globals.query {
        Expression::parse(text)
            .map_err(|error| UsageError::parameter(&format!("Bad value for --query {text}: {error}")))?;
    }
    let binary = match given("--cli-binary-format") {
        Some("raw-in-base64-out") => BinaryFormat::Raw,
        _ => BinaryFormat::Base64,
    };
    let word = words.positional(0).unwrap_or_default().to_owned();
    if word == "help" {
        return Err(no_help());
    }
    refuse(&word, words.rest.first())?;
    let Some(service) = catalog::service(&word) else {
        return custom::parse(&[&word], words.rest.clone(), globals, context).map(Command::Custom);
    };
    let commands = offered::operations(&service);
    let words =
        level(&[], "operation", &commands, &words.rest).map_err(|message| UsageError::usage(&message))?;
    let word = words.positional(0).unwrap_or_default().to_owned();
    refuse(&service.command, Some(&word))?;
    if word == "wait" && !service.waiters.is_empty() {
        return wait(service, &words.rest, globals, binary, context);
    }
    match service.position_of_command(&word) {
        Some(operation) => {
            let parsed = call(service, operation, &words.rest, globals, binary, context)?;
            Ok(Command::Operation(Box::new(parsed)))
        }
        None if word == "help" => Err(no_help()),
        None => custom::parse(&[&service.command, &word], words.rest, globals, context).map(Command::Custom),
    }
}

/// Refuses commands that are not offered, before their options are looked at.
fn refuse(service: &str, operation: Option<&String>) -> Result<(), UsageError> {
    match refusal(service, operation.map(String::as_str)) {
        Some(reason) => Err(UsageError::refused(&reason)),
        None => Ok(()),
    }
}

/// Tells the words of one level apart: its options, and the word that names what comes next.
fn level(options: &[OptionSpec], name: &str, choices: &[&str], words: &[String]) -> Result<Words, String> {
    let next = Positional { choices, ..Positional::new(name, true) };
    words::parse(options, &[next], words)
}

pub(crate) fn no_help() -> UsageError {
    UsageError::refused(
        "`help` goes right behind the command that it is about, such as `aws ec2 describe-instances help`.",
    )
}

fn too_few(command: &str) -> UsageError {
    UsageError::parameter(&format!(
        "usage: aws [options] {command} <subcommand> [parameters]\naws: [ERROR]: too few arguments"
    ))
}

fn wait(
    service: Arc<Service>,
    words: &[String],
    globals: Globals,
    binary: BinaryFormat,
    context: Context<'_>,
) -> Result<Command, UsageError> {
    if words.is_empty() {
        return Err(too_few(&format!("{} wait", service.command)));
    }
    let commands: Vec<&str> = service.waiters.iter().map(|waiter| waiter.command.as_str()).collect();
    let words = level(&[], "subcommand", &commands, words).map_err(|message| UsageError::usage(&message))?;
    let word = words.positional(0).unwrap_or_default().to_owned();
    let Some(index) = service.waiters.iter().position(|waiter| waiter.command == word) else {
        return Err(no_help());
    };
    let operation = service.waiters[index].operation as usize;
    let mut parsed = call(service, operation, &words.rest, globals, binary, context)?;
    parsed.paging.automatic = false;
    Ok(Command::Wait(index, Box::new(parsed)))
}

/// A region becomes a part of host names, so it must be a valid label of one.
fn is_region(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 63
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.bytes().all(|b| b.is_ascii_digit())
}

/// Options that every operation has besides its own.
pub const GENERIC: [&str; 3] = ["--cli-input-json", "--cli-input-yaml", "--generate-cli-skeleton"];

/// Parses the words behind an operation's.
fn call(
    service: Arc<Service>,
    index: usize,
    words: &[String],
    globals: Globals,
    binary: BinaryFormat,
    context: Context<'_>,
) -> Result<Parsed, UsageError> {
    let operation = &service.operations[index];
    let input = operation.input.and_then(|input| match &service.shapes[input as usize].kind {
        Kind::Structure(structure) => Some(structure),
        _ => None,
    });
    let member = |argument: &Argument| input?.members.get(argument.member as usize);
    let takes_whole_input = operation.takes_whole_input();
    // Nothing else must be given then. These options are looked for as they are written in full.
    let replaced = takes_whole_input
        && words.iter().enumerate().any(|(at, word)| {
            GENERIC[..2].contains(&word.as_str())
                || (word == GENERIC[2] && words.get(at + 1).is_none_or(|word| word != "output"))
        });

    let mut specs = Vec::with_capacity(operation.arguments.len() + GENERIC.len());
    // Which argument a spec stands for; the positional word has none.
    let mut of_spec = Vec::with_capacity(operation.arguments.len());
    let mut positionals = Vec::new();
    for (i, argument) in operation.arguments.iter().enumerate() {
        if argument.kind == ArgumentKind::Outfile {
            positionals.push(Positional::new("outfile", argument.is_required()));
            continue;
        }
        specs.push(spec(&service, operation, argument, member(argument), replaced));
        of_spec.push(i);
    }
    // Commands that keep their result in a file have no other form of input.
    if takes_whole_input {
        specs.push(OptionSpec::text(GENERIC[0]));
        specs.push(OptionSpec::text(GENERIC[1]));
        let check = Check::Choice(Skeleton::CHOICES);
        specs.push(OptionSpec { arity: Arity::Optional, check, ..OptionSpec::text(GENERIC[2]) });
    }
    positionals.push(Positional::new("help", false));
    let mut words =
        words::parse(&specs, &positionals, words).map_err(|message| UsageError::usage(&message))?;
    let stray = words.positionals.pop().and_then(|mut words| words.pop());
    if stray.as_deref() == Some("help") {
        return Err(no_help());
    }
    // The official CLI takes one empty word too many for none.
    words.rest.extend(stray.filter(|word| !word.is_empty()));
    if !words.rest.is_empty() {
        let known = specs.iter().map(|spec| spec.name.as_str()).chain(GLOBALS.iter().map(|(name, ..)| *name));
        return Err(UsageError::unknown_options(&words.rest, &known.collect::<Vec<_>>()));
    }
    let outfile = words.positionals.pop().and_then(|mut words| words.pop());
    let generic = |n: usize| words.option(of_spec.len() + n);
    let skeleton =
        generic(2).map(|words| words.first().map_or(Skeleton::Input, |word| Skeleton::of_word(word)));

    let mut reader = Reader {
        context,
        service: &service,
        operation,
        parameters: Map::new(),
        json: HashSet::new(),
        keys: HashMap::new(),
        own: Vec::new(),
        given: Vec::new(),
    };
    let given = |i: usize| of_spec.iter().position(|of| *of == i).and_then(|spec| words.option(spec));
    for (i, _) in operation.arguments.iter().enumerate() {
        if let Some(words) = given(i) {
            reader.given.push((i, words.to_vec()));
        }
    }
    let mut paging = reader.paging(&globals)?;
    reader.check_flags()?;
    reader.read(&paging, input.map_or(&[][..], |input| &input.members))?;
    let has_paging_options = paging != Paging { automatic: paging.automatic, ..Paging::default() };
    if paging.automatic && paging.page_size.is_none() {
        paging.page_size = own::default_page_size(&service, operation, &reader.parameters);
    }
    own::apply(&service, operation, &reader.own, &mut reader.parameters)?;
    let outfiles = own::outfiles(&reader.own);
    let default_root_object = own::default_root_object(&service, operation, &reader.own);
    match (generic(0), generic(1)) {
        (None, None) => {}
        (Some(words), None) => reader.merge_input(GENERIC[0], &words[0])?,
        (None, Some(words)) => reader.merge_input(GENERIC[1], &words[0])?,
        (Some(_), Some(_)) => {
            return Err(UsageError::parameter("Only one --cli-input- parameter may be specified."));
        }
    }
    let by_hand = paging.automatic && reader.pages_by_hand();
    let has_paging_options = has_paging_options && paging.automatic;
    paging.automatic &= !by_hand;
    let warning = paging.max_items.filter(|items| *items <= 0).map(|_| {
        "warning: Non-positive values for --max-items may result in undefined behavior.\n".to_owned()
    });
    let Reader { mut parameters, json, keys, .. } = reader;
    let typed = Typed { json, keys };
    if skeleton == Some(Skeleton::Output)
        && let Value::Map(sample) = skeleton::output(&service, operation, "json")
    {
        // The official CLI checks its sample first, which often lacks what the model asks of results.
        validate::validate(&service, operation.output, &sample, &Typed::default())?;
    }
    // Where it does not page after all, it takes the options of paging for a parameter.
    if has_paging_options && (by_hand || skeleton == Some(Skeleton::Output)) {
        parameters.insert("PaginationConfig".to_owned(), Value::Null);
    }
    // With a default root object what is missing is read from the service first.
    if default_root_object.is_none() && skeleton.is_none_or(|skeleton| skeleton == Skeleton::Output) {
        parameters = finish(&service, operation, parameters, &typed, binary, context.now)?;
    }
    Ok(Parsed {
        operation: index,
        parameters,
        paging,
        outfile,
        outfiles,
        default_root_object,
        globals,
        warning,
        skeleton,
        service,
    })
}

/// What an option's words must look like.
fn spec(
    service: &Service,
    operation: &Operation,
    argument: &Argument,
    member: Option<&Member>,
    replaced: bool,
) -> OptionSpec {
    let kind = member.map(|member| &service.shapes[member.shape as usize].kind);
    let limit = || {
        let name = &operation.paginator.as_ref()?.limit_key;
        let Kind::Structure(input) = &service.shapes[operation.input? as usize].kind else { return None };
        let member = input.members.iter().find(|member| member.name == *name)?;
        Some(&service.shapes[member.shape as usize].kind)
    };
    let (arity, check) = match argument.kind {
        ArgumentKind::Flag | ArgumentKind::No | ArgumentKind::WrappedNo | ArgumentKind::Switch => {
            (Arity::Zero, Check::Text)
        }
        ArgumentKind::WrappedFlag => (Arity::Optional, Check::Text),
        ArgumentKind::PageSize | ArgumentKind::MaxItems if matches!(limit(), Some(Kind::String { .. })) => {
            (Arity::One, Check::Text)
        }
        ArgumentKind::PageSize | ArgumentKind::MaxItems => (Arity::One, Check::Int),
        ArgumentKind::Texts => (Arity::OneOrMore, Check::Text),
        ArgumentKind::Text if !own::choices(&argument.name).is_empty() => {
            (Arity::One, Check::Choice(own::choices(&argument.name)))
        }
        ArgumentKind::Text if own::MONITOR.contains(&&*argument.name) => (Arity::Optional, Check::Text),
        ArgumentKind::Text | ArgumentKind::StartingToken | ArgumentKind::Outfile => (Arity::One, Check::Text),
        ArgumentKind::Value => match kind {
            Some(Kind::List { .. }) => (Arity::Any, Check::Text),
            Some(Kind::Long { .. }) => (Arity::One, Check::Int),
            Some(Kind::Float { .. } | Kind::Double { .. }) => (Arity::One, Check::Float),
            _ => (Arity::One, Check::Text),
        },
    };
    // A boolean may be given by either of its two options; that one of them is there is left to the validator.
    let required = argument.required && argument.kind != ArgumentKind::Flag && !replaced;
    OptionSpec { name: format!("--{}", argument.name), arity, check, required, repeats: false }
}

/// The options of one operation while they become parameters.
struct Reader<'a> {
    context: Context<'a>,
    service: &'a Service,
    operation: &'a Operation,
    parameters: Map,
    /// Members whose value was written as JSON.
    json: HashSet<String>,
    /// Keys of maps that are no texts: where they are, and the names of their types.
    keys: HashMap<String, &'static str>,
    /// Options of the CLI's own.
    own: Vec<own::Given>,
    /// The options that were given, in the order of the operation's options: index and words.
    given: Vec<(usize, Vec<String>)>,
}

impl Reader<'_> {
    fn argument(&self, index: usize) -> &Argument {
        &self.operation.arguments[index]
    }

    /// Works out the paging options, and whether paging is automatic.
    fn paging(&self, globals: &Globals) -> Result<Paging, UsageError> {
        let Some(paginator) = &self.operation.paginator else { return Ok(Paging::default()) };
        let mut paging = Paging { automatic: !globals.no_paginate, ..Paging::default() };
        for (index, words) in &self.given {
            let word = words.first().map_or("", String::as_str);
            let number = || match values::int(word) {
                Some(Value::Int(number)) => Ok(Some(number)),
                _ => Err(UsageError::general(format!(
                    "invalid literal for int() with base 10: {}",
                    words::quoted(word)
                ))),
            };
            // Who gives the API's own tokens pages himself, also by an option that has the name of one for paging.
            let kind = self.argument(*index).kind;
            if kind != ArgumentKind::MaxItems
                && self.member_name(*index).is_some_and(|name| {
                    paginator.input_token.iter().any(|token| token == name) || paginator.limit_key == name
                })
            {
                paging.automatic = false;
            }
            match kind {
                ArgumentKind::StartingToken => paging.starting_token = Some(word.to_owned()),
                ArgumentKind::PageSize => paging.page_size = number()?,
                ArgumentKind::MaxItems => paging.max_items = number()?,
                _ => {}
            }
        }
        if !paging.automatic {
            self.refuse_paging_options(&paging)?;
        }
        Ok(paging)
    }

    /// Paging options mean nothing without paging, unless the operation has an option of the same name.
    fn refuse_paging_options(&self, paging: &Paging) -> Result<(), UsageError> {
        let used = [
            ("starting-token", paging.starting_token.as_ref().is_some_and(|token| !token.is_empty())),
            ("page-size", paging.page_size.is_some_and(|size| size != 0)),
            ("max-items", paging.max_items.is_some_and(|items| items != 0)),
        ];
        let shadows = |name: &str| {
            self.operation
                .arguments
                .iter()
                .any(|argument| argument.name == name && argument.member != NO_MEMBER)
        };
        let used = used.iter().filter(|(name, used)| *used && !shadows(name));
        let used: Vec<_> = used.map(|(name, _)| format!("--{name}")).collect();
        if used.is_empty() {
            return Ok(());
        }
        Err(UsageError::parameter(&format!(
            "Cannot specify --no-paginate along with pagination arguments: {}",
            used.join(", ")
        )))
    }

    fn member_name(&self, index: usize) -> Option<&str> {
        let Kind::Structure(input) = &self.service.shapes[self.operation.input? as usize].kind else {
            return None;
        };
        input.members.get(self.argument(index).member as usize).map(|member| member.name.as_str())
    }

    /// `--x` and `--no-x` together contradict each other.
    fn check_flags(&self) -> Result<(), UsageError> {
        for (index, _) in &self.given {
            let no = self.argument(*index);
            if !matches!(no.kind, ArgumentKind::No | ArgumentKind::WrappedNo) {
                continue;
            }
            let yes = self.given.iter().map(|(index, _)| self.argument(*index)).find(|argument| {
                argument.member == no.member
                    && matches!(argument.kind, ArgumentKind::Flag | ArgumentKind::WrappedFlag)
            });
            if let Some(yes) = yes {
                return Err(UsageError::parameter(&format!(
                    "Cannot specify both the \"--{}\" option and the \"--{}\" option.",
                    yes.name, no.name
                )));
            }
        }
        Ok(())
    }

    /// Reads the options in the order of the operation's options.
    fn read(&mut self, paging: &Paging, members: &[Member]) -> Result<(), UsageError> {
        let arguments = &self.operation.arguments;
        let mut given = std::mem::take(&mut self.given);
        // Of two options for one member, such as `--egress` and `--ingress`, both set it at the place of the first.
        given.sort_by_key(|(index, _)| match arguments[*index].kind {
            ArgumentKind::No => arguments.iter().position(|other| other.member == arguments[*index].member),
            _ => Some(*index),
        });
        for (index, words) in given {
            let argument = &arguments[index];
            let option = format!("--{}", argument.name);
            let reading = Reading {
                service: self.service,
                command: &self.operation.command,
                option: &option,
                files: self.context.files,
            };
            let wrapped = |value| Value::Map(Map::from([("Value".to_owned(), Value::Bool(value))]));
            let Some(member) = members.get(argument.member as usize) else {
                if matches!(argument.kind, ArgumentKind::Text | ArgumentKind::Texts | ArgumentKind::Switch) {
                    let (words, bytes) = reading.texts_or_bytes(words)?;
                    self.own.push(own::Given { name: argument.name.clone(), words, bytes });
                }
                continue;
            };
            let word = words.first().map_or("", String::as_str);
            let value = match argument.kind {
                ArgumentKind::Flag => Value::Bool(true),
                ArgumentKind::No => Value::Bool(false),
                ArgumentKind::WrappedFlag if words.is_empty() => wrapped(true),
                ArgumentKind::WrappedNo => wrapped(false),
                // While results are paged these are the CLI's own, and otherwise the operation's.
                ArgumentKind::StartingToken | ArgumentKind::PageSize | ArgumentKind::MaxItems
                    if paging.automatic =>
                {
                    continue;
                }
                _ => match own::value(&reading, &words)? {
                    Some(value) => value,
                    None => {
                        if word.trim_start().starts_with(['{', '[']) {
                            self.json.insert(member.name.clone());
                        }
                        let value = match &self.service.shapes[member.shape as usize].kind {
                            Kind::List { .. } => reading.list(member, &words)?,
                            _ => reading.one(member, word)?,
                        };
                        own::check(self.service, &argument.name, &value)?;
                        value
                    }
                },
            };
            self.parameters.insert(member.name.clone(), value);
        }
        Ok(())
    }

    /// Adds the members of `--cli-input-json` or `--cli-input-yaml` that no option has set.
    fn merge_input(&mut self, option: &'static str, word: &str) -> Result<(), UsageError> {
        let is_yaml = option == GENERIC[1];
        let name = option.trim_start_matches('-');
        let invalid =
            |what: &str| UsageError::parameter(&format!("Error parsing parameter '{name}': {what}"));
        let refused =
            |what: &str| UsageError::parameter(&format!("Error parsing parameter '{option}': {what}"));
        let syntax = || invalid(if is_yaml { "Invalid YAML received." } else { "Invalid JSON received." });
        let text = match values::load(self.context.files, word).map_err(|error| refused(&error))? {
            Loaded::Text(text) => text.into_owned(),
            Loaded::Bytes(bytes) => String::from_utf8(bytes.to_vec()).map_err(|_| syntax())?,
        };
        let value = if is_yaml {
            let document = yaml::read(&text, Dialect::Plain).map_err(|error| match error {
                YamlError::Invalid(_) => syntax(),
                YamlError::Value(message) => UsageError::general(message),
            })?;
            self.keys = document.keys;
            document.value
        } else {
            json::parse(&text).map_err(|_| syntax())?
        };
        let Value::Map(map) = value else {
            return Err(refused(&format!(
                "Invalid type: expecting map, received <class '{}'>",
                value.python_type()
            )));
        };
        if self.keys.keys().any(|place| place.starts_with(" (key: ")) {
            return Err(UsageError::general("keywords must be strings".to_owned()));
        }
        for (key, value) in map {
            self.parameters.entry(key).or_insert(value);
        }
        Ok(())
    }

    /// Whether the parameters have the API's own tokens or sizes of pages.
    fn pages_by_hand(&self) -> bool {
        self.operation.paginator.as_ref().is_some_and(|paginator| {
            let by_hand = |key: &String| paginator.input_token.contains(key) || paginator.limit_key == *key;
            self.parameters.keys().any(by_hand)
        })
    }
}

/// Checks parameters that a command of the CLI's own makes, and gives times their type. The error is botocore's text.
pub(crate) fn checked(
    service: &Service,
    operation: &Operation,
    parameters: Map,
    now: SystemTime,
) -> Result<Map, String> {
    if let Some(mistakes) = validate::mistakes(service, operation.input, &parameters, &Typed::default()) {
        return Err(mistakes);
    }
    let mut value = Value::Map(parameters);
    if let Some(input) = operation.input {
        values::read_timestamps(service, input, &mut value, now).map_err(|error| error.stderr)?;
    }
    match value {
        Value::Map(parameters) => Ok(parameters),
        _ => Ok(Map::new()),
    }
}

/// Gives parameters their final types and checks them.
fn finish(
    service: &Service,
    operation: &Operation,
    mut parameters: Map,
    typed: &Typed,
    binary: BinaryFormat,
    now: SystemTime,
) -> Result<Map, UsageError> {
    own::complete(service, operation, &mut parameters)?;
    let mut value = Value::Map(parameters);
    if let Some(input) = operation.input {
        values::decode_blobs(service, input, &mut value, binary)?;
    }
    if let Value::Map(parameters) = &mut value {
        own::sign_upload(service, operation, parameters, now)?;
    }
    if let Value::Map(parameters) = &value {
        validate::validate(service, operation.input, parameters, typed)?;
    }
    if let Some(input) = operation.input {
        values::read_timestamps(service, input, &mut value, now)?;
    }
    match value {
        Value::Map(parameters) => Ok(parameters),
        _ => Ok(Map::new()),
    }
}
