//! `help` at every level, and `--help` and `-h` in any place. The pages say what there is and what form it takes, all of
//! it worked out from the models and the tables of options: there is no prose of AWS's in them.

mod example;
mod layout;
mod operation;
mod own;
mod syntax;

use std::sync::Arc;

use self::layout::Page;
pub use self::syntax::type_name;
use crate::catalog;
use crate::classify::{self, Impact};
use crate::command::words::{self, Arity, OptionSpec, Positional, close_matches};
use crate::command::{GLOBALS, REFUSED, UsageError, offered};
use crate::custom::{COMMANDS, CustomCommand};
use crate::model::{ArgumentKind, Kind, Operation, Service};
use crate::value::Map;

/// Where the official pages are.
const REFERENCE: &str = "https://docs.aws.amazon.com/cli/latest/reference/";

/// What a page is about.
enum Topic {
    All,
    Service(Arc<Service>),
    Operation(Arc<Service>, usize),
    Wait(Arc<Service>),
    Waiter(Arc<Service>, usize),
    Own(&'static CustomCommand),
}

/// Whether a command line asks for a page instead of a run.
pub(crate) fn is_asked(argv: &[String]) -> bool {
    topic(argv).is_some()
}

/// The page that a command line asks for, if it does: `help` behind a command, also as the last word behind its options,
/// or `--help` or `-h` anywhere.
///
/// # Errors
/// What the CLI says of a command that there is not, with those that may have been meant.
pub(crate) fn page(argv: &[String]) -> Option<Result<String, UsageError>> {
    Some(topic(argv)?.map(|topic| match topic {
        Topic::All => all_services(),
        Topic::Service(service) => self::service(&service),
        Topic::Operation(service, at) => operation(&service, &service.operations[at]),
        Topic::Wait(service) => wait(&service),
        Topic::Waiter(service, at) => {
            let waiter = &service.waiters[at];
            operation::page(&service, &service.operations[waiter.operation as usize], Some(waiter))
        }
        Topic::Own(command) => own::page(command),
    }))
}

/// The page of `aws <service> <operation> help`.
pub(crate) fn operation(service: &Service, operation: &Operation) -> String {
    operation::page(service, operation, None)
}

fn topic(argv: &[String]) -> Option<Result<Topic, UsageError>> {
    let end = argv.iter().position(|word| word == "--").unwrap_or(argv.len());
    let is_flag = |word: &&String| ["--help", "-h"].contains(&word.as_str());
    let flagged = argv[..end].iter().any(|word| is_flag(&word));
    if !flagged && !argv.iter().any(|word| word == "help") {
        return None;
    }
    let words: Vec<String> = argv[..end].iter().filter(|word| !is_flag(word)).cloned().collect();
    let words = without_globals(&words);
    let Some((first, rest)) = words.split_first() else {
        return flagged.then_some(Ok(Topic::All));
    };
    // `aws help s3 cp` is taken for `aws s3 cp help`.
    let (first, rest, flagged) = match (first.as_str(), rest.split_first()) {
        ("help", Some((first, rest))) => (first, rest, true),
        ("help", None) => return Some(Ok(Topic::All)),
        _ => (first, rest, flagged),
    };
    below(first, rest, flagged)
}

/// What follows the options of every command, those before and between the words left out.
fn without_globals(argv: &[String]) -> Vec<String> {
    let specs: Vec<OptionSpec> = GLOBALS
        .iter()
        .map(|(name, arity, _)| OptionSpec { arity: *arity, ..OptionSpec::text(*name) })
        .collect();
    let first = Positional::new("command", false);
    match words::parse(&specs, &[first], argv) {
        Ok(words) => words.positional(0).map(str::to_owned).into_iter().chain(words.rest).collect(),
        // Where they are wrong, the words in front say what is meant.
        Err(_) => argv.iter().take_while(|word| !word.starts_with('-')).cloned().collect(),
    }
}

/// The topic of a service's word and what follows it.
fn below(first: &str, rest: &[String], flagged: bool) -> Option<Result<Topic, UsageError>> {
    let asked = flagged || rest.last().is_some_and(|word| word == "help");
    let group = COMMANDS.iter().find(|command| command.path == [first]);
    let Some(service) = catalog::service(first) else {
        return match group {
            Some(group) => own_topic(group, rest, flagged),
            None => asked.then(|| Err(unknown("command", first, &offered::services(), services_like(first)))),
        };
    };
    let mut words = rest.iter().filter(|word| *word != "help");
    let Some(word) = words.next().filter(|word| !word.starts_with('-')) else {
        return asked.then_some(Ok(Topic::Service(service)));
    };
    let behind = &rest[rest.iter().position(|known| known == word)? + 1..];
    // `aws ec2 help describe-instances`.
    let flagged = flagged || rest[0] == "help";
    if word == "wait" && !service.waiters.is_empty() {
        return waiter_topic(service, behind, flagged);
    }
    if let Some(own) = COMMANDS.iter().find(|command| command.path == [first, word]) {
        return own_topic(own, behind, flagged);
    }
    let Some(at) = service.position_of_command(word) else {
        let like = || words_like(word, service.commands());
        return (asked || flagged)
            .then(|| Err(unknown("operation", word, &offered::operations(&service), like())));
    };
    let asks = flagged || asks_at_the_end(&service.operations[at], &service, behind);
    asks.then_some(Ok(Topic::Operation(service, at)))
}

fn waiter_topic(
    service: Arc<Service>,
    behind: &[String],
    flagged: bool,
) -> Option<Result<Topic, UsageError>> {
    let mut words = behind.iter().filter(|word| *word != "help" && !word.starts_with('-'));
    let Some(word) = words.next() else { return Some(Ok(Topic::Wait(service))) };
    let Some(at) = service.waiters.iter().position(|waiter| waiter.command == *word) else {
        let known: Vec<&str> = service.waiters.iter().map(|waiter| waiter.command.as_str()).collect();
        let asked = flagged || behind.last().is_some_and(|word| word == "help");
        return asked
            .then(|| Err(unknown("subcommand", word, &known, words_like(word, known.iter().copied()))));
    };
    let operation = &service.operations[service.waiters[at].operation as usize];
    let asks = flagged || behind[0] == "help" || asks_at_the_end(operation, &service, &behind[1..]);
    asks.then_some(Ok(Topic::Waiter(service, at)))
}

fn own_topic(
    command: &'static CustomCommand,
    rest: &[String],
    flagged: bool,
) -> Option<Result<Topic, UsageError>> {
    let sub = |word: &String| command.subcommands().find(|sub| sub.path.last() == Some(&word.as_str()));
    match rest.iter().find(|word| *word != "help") {
        Some(word) if let Some(sub) = sub(word) => {
            let behind = &rest[rest.iter().position(|known| known == word)? + 1..];
            return own_topic(sub, behind, flagged || rest[0] == "help");
        }
        Some(word) if !word.starts_with('-') && command.subcommands().next().is_some() => {
            let known: Vec<&str> = command.subcommands().filter_map(|sub| sub.path.last().copied()).collect();
            let asked = flagged || rest.last().is_some_and(|word| word == "help");
            return asked
                .then(|| Err(unknown("subcommand", word, &known, words_like(word, known.iter().copied()))));
        }
        _ => {}
    }
    let positionals = command.arguments.iter().filter(|argument| argument.positional && argument.required);
    let places =
        positionals.map(|argument| if let Arity::Exactly(count) = argument.arity { count } else { 1 });
    let arity = |name: &str| {
        let option = command.arguments.iter().find(|one| !one.positional && one.name.starts_with(name));
        option.map_or(Arity::One, |option| option.arity)
    };
    (flagged || is_last_of(rest, places.sum(), arity)).then_some(Ok(Topic::Own(command)))
}

/// Whether the last word behind an operation is `help` and no option's value.
fn asks_at_the_end(operation: &Operation, service: &Service, words: &[String]) -> bool {
    let places = operation.arguments.iter().filter(|argument| argument.kind == ArgumentKind::Outfile).count();
    let input = operation.input.and_then(|id| match &service.shapes.get(id as usize)?.kind {
        Kind::Structure(structure) => Some(structure),
        _ => None,
    });
    let arity = |name: &str| {
        let Some(argument) = operation.arguments.iter().find(|argument| argument.name.starts_with(name))
        else {
            return Arity::One;
        };
        let member = input.and_then(|input| input.members.get(argument.member as usize));
        let is_list = member
            .is_some_and(|member| matches!(service.shapes[member.shape as usize].kind, Kind::List { .. }));
        match argument.kind {
            ArgumentKind::Flag | ArgumentKind::No | ArgumentKind::WrappedNo | ArgumentKind::Switch => {
                Arity::Zero
            }
            ArgumentKind::Texts => Arity::OneOrMore,
            ArgumentKind::Value if is_list => Arity::Any,
            _ => Arity::One,
        }
    };
    is_last_of(words, places, arity)
}

/// Whether `help` is the last of the words, and neither an option's value nor one of the words that the command itself
/// takes. Alone it always is.
fn is_last_of(words: &[String], places: usize, arity: impl Fn(&str) -> Arity) -> bool {
    let Some((last, before)) = words.split_last() else { return false };
    if last != "help" {
        return false;
    }
    let Some(option) = before.iter().rposition(|word| word.starts_with("--")) else {
        return before.is_empty() || before.len() >= places;
    };
    let values = before.len() - option - 1;
    let name = before[option].trim_start_matches('-');
    let taken = match arity(name.split('=').next().unwrap_or(name)) {
        _ if name.contains('=') => 0,
        Arity::Zero => 0,
        Arity::One | Arity::Optional => 1,
        Arity::Exactly(count) => count,
        Arity::Any | Arity::OneOrMore => return false,
    };
    let stray = values.saturating_sub(taken)
        + before[..option].iter().take_while(|word| !word.starts_with('-')).count();
    values >= taken && stray >= places
}

/// What is said of a word that there is not.
fn unknown(place: &str, word: &str, known: &[&str], like: Vec<String>) -> UsageError {
    let mut message = format!("argument {place}: Found invalid choice {}\n", words::quoted(word));
    let mut close: Vec<String> = close_matches(word, known).into_iter().map(str::to_owned).collect();
    for word in like {
        if close.len() < PROPOSED && !close.contains(&word) {
            close.push(word);
        }
    }
    if !close.is_empty() {
        message.push_str("\nMaybe you meant:\n");
        for word in close {
            message.push_str(&format!("\n  * {word}"));
        }
    }
    UsageError::usage(&message)
}

/// How many words are proposed.
const PROPOSED: usize = 5;

/// Words that services use for the same: who types one may mean another.
const ASKING: [&str; 4] = ["describe", "get", "list", "show"];

/// The words that share most of their parts with a word: of `list-instances`, `describe-instances`.
fn words_like<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Vec<String> {
    let singular = |part: &str| part.strip_suffix('s').unwrap_or(part).to_owned();
    let parts: Vec<String> = word.split('-').filter(|part| part.len() > 2).map(singular).collect();
    let mut scored: Vec<(usize, usize, &str)> = known
        .map(|candidate| {
            let theirs: Vec<String> = candidate.split('-').map(singular).collect();
            let shared = parts.iter().filter(|part| theirs.contains(part)).count();
            let verb = |parts: &[String]| parts.first().is_some_and(|verb| ASKING.contains(&verb.as_str()));
            let asks = shared > 0 && verb(&parts) && verb(&theirs);
            (shared + usize::from(asks), theirs.len(), candidate)
        })
        .filter(|(shared, ..)| *shared > 0)
        .collect();
    scored.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(b.2)));
    scored.into_iter().take(PROPOSED).map(|(.., word)| word.to_owned()).collect()
}

/// The services whose names hold a word: of `step-functions`, `stepfunctions`.
fn services_like(word: &str) -> Vec<String> {
    let letters = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    let wanted = letters(word);
    if wanted.len() < 3 {
        return Vec::new();
    }
    let like = catalog::index().iter().filter(|entry| {
        letters(&entry.full_name).contains(&wanted) || letters(&entry.command).contains(&wanted)
    });
    like.take(PROPOSED).map(|entry| entry.command.clone()).collect()
}

/// The page of `aws help`.
pub(crate) fn all_services() -> String {
    let mut page = Page::default();
    page.title("NAME");
    page.sentence(2, "aws: the commands of the AWS CLI v2. Requests are signed with your role here; nothing else of the host is used.");
    page.words(2, [format!("{REFERENCE}index.html").as_str()]);
    page.title("SYNOPSIS");
    page.lines(2, "aws [options] <command> <subcommand> [<subcommand> ...] [parameters]");
    page.lines(2, "aws <command> help");
    page.lines(2, "aws <command> <subcommand> help");
    page.title("GLOBAL OPTIONS");
    for (name, meaning) in MEANINGS {
        page.entry(name, meaning);
    }
    page.title("NOT HERE");
    for (name, reason) in REFUSED {
        page.entry(name, reason);
    }
    page.title("VALUES");
    for (form, meaning) in VALUES {
        page.entry(form, meaning);
    }
    let mut services = offered::services();
    services.sort_unstable();
    page.title("COMMANDS");
    page.columns(&services);
    page.into_text()
}

/// The options of every command that are available, and what they do.
const MEANINGS: [(&str, &str); 10] = [
    ("--region <name>", "where to run, such as eu-west-1"),
    ("--output <format>", "json, text, table, yaml, yaml-stream or off"),
    ("--query <expression>", "JMESPath over the result"),
    ("--no-paginate", "only the first page"),
    ("--cli-binary-format", "base64, or raw-in-base64-out: blobs as they are typed"),
    ("--cli-error-format", "how errors are shown"),
    ("--color <when>", "accepted; there are no colors"),
    ("--no-cli-pager", "accepted; there is no pager"),
    ("--no-cli-auto-prompt", "accepted; nothing is prompted for"),
    ("--version", "which release is followed"),
];

/// How values are written.
const VALUES: [(&str, &str); 6] = [
    ("list", "several words, or one JSON array"),
    ("structure, map", "shorthand (Key=value,Key2=[a,b]) or JSON, in quotes"),
    ("timestamp", "2026-01-31T12:00:00Z, or seconds since 1970"),
    ("blob", "base64, or fileb://name"),
    ("file://name", "the text of one of the job's files, for most options"),
    ("streaming blob, outfile", "the name of one of the job's files, or -"),
];

/// The last section of a command's page: the options of every command.
fn globals(page: &mut Page) {
    page.title("GLOBAL OPTIONS");
    let name = |text: &'static str| text.split(' ').next().unwrap_or(text);
    let names: Vec<&str> = MEANINGS.iter().map(|(option, _)| name(option)).collect();
    page.words(2, names);
    let refused = REFUSED.iter().map(|(name, _)| *name);
    page.words(2, ["Not", "here", "(aws", "help", "says", "why):"].into_iter().chain(refused));
}

/// The page of `aws <service> help`.
pub(crate) fn service(service: &Service) -> String {
    let command = &service.command;
    let mut page = Page::default();
    page.title("NAME");
    page.sentence(
        2,
        &format!(
            "aws {command}: {} (service id {}, API {})",
            service.full_name, service.id, service.api_version
        ),
    );
    page.words(2, [format!("{REFERENCE}{command}/index.html").as_str()]);
    page.title("SYNOPSIS");
    page.sentence(2, &format!("aws {command} <subcommand> [parameters]"));
    page.sentence(2, &format!("aws {command} <subcommand> help"));
    let mut commands: Vec<(Impact, &str)> = service
        .operations
        .iter()
        .filter(|operation| !operation.command.is_empty())
        .map(|operation| (classify::impact(service, operation, &Map::new()), operation.command.as_str()))
        .collect();
    commands.sort_unstable();
    for (impact, title) in [
        (Impact::Read, "READS"),
        (Impact::Write, "MAY CHANGE SOMETHING"),
        (Impact::Destroy, "DESTROYS"),
        (Impact::Mint, "HANDS OUT CREDENTIALS"),
    ] {
        let these: Vec<&str> =
            commands.iter().filter(|(one, _)| *one == impact).map(|(_, command)| *command).collect();
        if !these.is_empty() {
            page.title(title);
            page.columns(&these);
        }
    }
    let own: Vec<&CustomCommand> =
        COMMANDS.iter().filter(|own| own.path.len() == 2 && own.path[0] == command && !own.hidden).collect();
    if !own.is_empty() {
        page.title("THE CLI'S OWN COMMANDS");
        page.columns(&own.iter().map(|own| own.path[1]).collect::<Vec<_>>());
    }
    if !service.waiters.is_empty() {
        page.title("WAIT");
        page.columns(&service.waiters.iter().map(|waiter| waiter.command.as_str()).collect::<Vec<_>>());
    }
    page.into_text()
}

/// The page of `aws <service> wait help`.
fn wait(service: &Service) -> String {
    let command = &service.command;
    let mut page = Page::default();
    page.title("NAME");
    page.sentence(
        2,
        &format!("aws {command} wait: calls an operation of {} until its condition holds", service.full_name),
    );
    page.words(2, [format!("{REFERENCE}{command}/wait/index.html").as_str()]);
    page.title("SYNOPSIS");
    page.sentence(2, &format!("aws {command} wait <subcommand> [parameters]"));
    page.sentence(2, &format!("aws {command} wait <subcommand> help"));
    page.title("COMMANDS");
    for waiter in &service.waiters {
        let operation = &service.operations[waiter.operation as usize].name;
        let (name, delay, most) = (&waiter.command, waiter.delay, waiter.max_attempts);
        page.sentence(2, &format!("{name}: {operation} every {delay} s, at most {most} times"));
    }
    page.into_text()
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::command::{self, Context};
    use crate::files::{Files, MemoryFiles};

    fn argv(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    fn shown(line: &str) -> String {
        page(&argv(line))
            .unwrap_or_else(|| panic!("{line}: no page"))
            .unwrap_or_else(|e| panic!("{line}: {e:?}"))
    }

    /// What every page keeps to.
    fn check(page: &str, about: &str) {
        assert!(page.ends_with('\n') && page.starts_with("NAME\n"), "{about}: {page}");
        assert!(page.chars().all(|c| c == '\n' || !c.is_control()), "{about}: {page}");
        for line in page.lines() {
            assert_eq!(line.trim_end(), line, "{about}: {page}");
            // Only an option with its opposite, or a member's name, may be wider.
            let words = line.split(' ').filter(|word| !word.is_empty()).count();
            assert!(line.chars().count() <= 80 || words <= 3, "{about}: {line}");
        }
    }

    #[test]
    fn every_operation_has_a_page_with_all_its_options() {
        let mut pages = 0;
        for entry in catalog::index() {
            let model = catalog::service(&entry.command).unwrap();
            check(&service(&model), &entry.command);
            for known in model.operations.iter().filter(|known| !known.command.is_empty()) {
                let about = format!("{} {}", entry.command, known.command);
                let page = operation(&model, known);
                check(&page, &about);
                pages += 1;
                let words: std::collections::HashSet<&str> =
                    page.split(|c: char| c.is_whitespace() || "[]()".contains(c)).collect();
                for argument in known.arguments.iter().filter(|argument| !argument.hidden) {
                    let positional = argument.kind == ArgumentKind::Outfile;
                    let name = if positional { "<outfile>" } else { &format!("--{}", argument.name) };
                    assert!(words.contains(name), "{about} {name}: {page}");
                }
            }
            for waiter in &model.waiters {
                let line = format!("{} wait {} help", entry.command, waiter.command);
                check(&shown(&line), &line);
            }
        }
        assert!(pages > 19_000, "{pages}");
    }

    #[test]
    fn every_example_is_accepted() {
        let files = MemoryFiles::new(100);
        files.write("FILE", bytes::Bytes::from_static(b"text")).unwrap();
        let context = Context { files: &files, now: SystemTime::UNIX_EPOCH };
        let mut refused = Vec::new();
        for entry in catalog::index() {
            let model = catalog::service(&entry.command).unwrap();
            for known in model.operations.iter().filter(|known| !known.command.is_empty()) {
                let unquoted = |word: &String| {
                    let quoted = word.strip_prefix('\'').and_then(|word| word.strip_suffix('\''));
                    quoted.map_or_else(|| word.clone(), |inner| inner.replace("'\\''", "'"))
                };
                let words: Vec<String> = example::words(&model, known).iter().skip(1).map(unquoted).collect();
                if let Err(error) = command::parse(&words, context)
                    && !error.stderr.contains("is not available here")
                {
                    refused.push(format!("{}: {}", words.join(" "), error.stderr));
                }
            }
        }
        assert!(refused.is_empty(), "{}", refused.join("\n"));
    }

    #[test]
    fn every_command_of_the_clis_own_has_a_page() {
        for command in COMMANDS {
            let line = format!("{} help", command.path.join(" "));
            let page = shown(&line);
            check(&page, &line);
            for argument in command.arguments.iter().filter(|argument| !argument.positional) {
                assert!(page.contains(&format!("--{}", argument.name)), "{line} {}: {page}", argument.name);
            }
        }
        check(&all_services(), "help");
    }

    #[test]
    fn help_is_found_wherever_it_stands_and_values_stay_values() {
        for (line, begins) in [
            ("help", "NAME\n  aws: "),
            ("--help", "NAME\n  aws: "),
            ("ec2 help", "NAME\n  aws ec2: Amazon Elastic Compute Cloud "),
            ("ec2 -h", "NAME\n  aws ec2: "),
            ("help sts", "NAME\n  aws sts: "),
            ("--region eu-west-1 ec2 describe-instances help", "NAME\n  aws ec2 describe-instances: "),
            ("ec2 help describe-instances", "NAME\n  aws ec2 describe-instances: "),
            ("ec2 describe-instances --dry-run help", "NAME\n  aws ec2 describe-instances: "),
            ("ec2 describe-instances --instance-ids i-1 --help", "NAME\n  aws ec2 describe-instances: "),
            ("sqs send-message --queue-url q help", "NAME\n  aws sqs send-message: "),
            ("lambda invoke help", "NAME\n  aws lambda invoke: "),
            ("lambda invoke --function-name f out help", "NAME\n  aws lambda invoke: "),
            ("ec2 wait help", "NAME\n  aws ec2 wait: "),
            ("ec2 wait instance-running help", "NAME\n  aws ec2 wait instance-running: DescribeInstances "),
            ("ec2 wait instance-running --instance-ids i-1 -h", "NAME\n  aws ec2 wait instance-running: "),
            ("s3 help", "NAME\n  aws s3: "),
            ("s3 cp help", "NAME\n  aws s3 cp: "),
            ("s3 cp a s3://b/c help", "NAME\n  aws s3 cp: "),
            ("logs tail --follow group help", "NAME\n  aws logs tail: "),
            ("configure set --help", "NAME\n  aws configure set: "),
        ] {
            let page = shown(line);
            assert!(page.starts_with(begins), "{line}: {page}");
        }
        for line in [
            "",
            "ec2",
            "ec2 describe-instances",
            "ec2 describe-instances --instance-ids help",
            "ec2 describe-instances --instance-ids i-1 help",
            "sqs send-message --queue-url q --message-body help",
            "sqs send-message --queue-url q --message-body=--help",
            "lambda invoke --function-name f help",
            "s3 cp s3://help help",
            "s3 rm s3://b/-- -- --help",
            "logs tail help-group",
        ] {
            assert!(page(&argv(line)).is_none(), "{line}");
        }
    }

    #[test]
    fn of_what_there_is_not_it_says_what_may_be_meant() {
        for (line, message) in [
            (
                "dynamo help",
                "argument command: Found invalid choice 'dynamo'\n\nMaybe you meant:\n\n  * dynamodb",
            ),
            ("step-functions help", "  * stepfunctions\n"),
            ("ec2 descrbe-instances --help", "argument operation: Found invalid choice 'descrbe-instances'"),
            ("ec2 list-instances help", "  * describe-instances\n"),
            ("ec2 wait instance-run help", "  * instance-running\n"),
            ("s3 copy help", "argument subcommand: Found invalid choice 'copy'"),
        ] {
            let error = page(&argv(line)).expect(line).expect_err(line);
            assert_eq!(error.exit_status, 252);
            assert!(error.stderr.contains(message), "{line}: {}", error.stderr);
        }
    }

    #[test]
    fn a_page_says_what_a_call_takes_gives_and_does() {
        let page = shown("sts assume-role help");
        for part in [
            "It hands out credentials that outlive the session. IAM action: sts:AssumeRole.",
            "reference/sts/assume-role.html",
            "    --role-arn <value> --role-session-name <value> [--policy-arns <value>]",
            "  aws sts assume-role --role-arn arn:aws:sts:us-east-1:123456789012:my-resource",
            "  --role-arn (string, required)\n",
            "  --policy-arns (list)\n      Shorthand Syntax:\n        arn=string ...\n      JSON Syntax:\n        [{\"arn\": \"string\"} ...]\n",
            "  Credentials (structure)\n    AccessKeyId (string), SecretAccessKey (string), SessionToken (string),\n",
            "  Secret: Credentials.SecretAccessKey\n",
        ] {
            assert!(page.contains(part), "{part}\n{page}");
        }
        let page = shown("s3api list-objects-v2 help");
        assert!(
            page.contains("It only reads. IAM action: s3:ListBucket.") && page.contains("PAGING\n"),
            "{page}"
        );
        let page = shown("ec2 terminate-instances help");
        assert!(
            page.contains("It destroys:") && page.contains("  --dry-run | --no-dry-run (boolean)\n"),
            "{page}"
        );
        assert!(
            page.contains("  --instance-ids (list, required)\n      \"string\" \"string\" ...\n"),
            "{page}"
        );
        let page = shown("s3api put-object help");
        assert!(page.contains("  --body (streaming blob)\n"), "{page}");
        assert!(
            page.contains("      one of: private, public-read, public-read-write, authenticated-read,\n"),
            "{page}"
        );
    }
}
