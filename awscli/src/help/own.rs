//! The page of one of the CLI's own commands, or of a group of them, from the table of what each takes.

use super::REFERENCE;
use super::layout::Page;
use crate::classify::{self, Impact};
use crate::command::words::Arity;
use crate::custom::{Argument, ArgumentKind, CustomCommand};
use crate::refused::refusal;

/// The page of a command.
pub fn page(command: &'static CustomCommand) -> String {
    let words = command.path.join(" ");
    let below: Vec<&str> =
        command.subcommands().filter(|sub| !sub.hidden).filter_map(|sub| sub.path.last().copied()).collect();
    let mut page = Page::default();
    page.title("NAME");
    page.sentence(2, &format!("aws {words}: a command of the CLI's own"));
    if let Some(reason) =
        command.path.first().and_then(|service| refusal(service, command.path.get(1).copied()))
    {
        page.sentence(2, &reason);
    }
    if let Some((impact, actions)) = classify::own_command(command.path) {
        let does = match impact {
            Impact::Read => "It only reads.",
            Impact::Write => "It may change something.",
            Impact::Destroy => "It may destroy what does not come back.",
            Impact::Mint => "It hands out credentials that outlive the session.",
        };
        let needs = match actions.is_empty() {
            true => String::new(),
            false => format!(" IAM actions it may need: {}.", actions.join(", ")),
        };
        page.sentence(2, &format!("{does}{needs}"));
    }
    let path = command.path.join("/");
    let end = if below.is_empty() { ".html" } else { "/index.html" };
    page.words(2, [format!("{REFERENCE}{path}{end}").as_str()]);

    page.title("SYNOPSIS");
    page.words(2, [format!("aws {words}").as_str()]);
    if !below.is_empty() {
        page.lines(4, "<subcommand> [parameters]");
    }
    let shown = || command.arguments.iter().filter(|argument| !argument.name.is_empty());
    let order = || {
        let first = shown().filter(|argument| argument.positional);
        let required = shown().filter(|argument| !argument.positional && argument.required);
        first.chain(required).chain(shown().filter(|argument| !argument.positional && !argument.required))
    };
    let parts: Vec<String> =
        order().filter(|argument| leads(command, argument)).map(|argument| part(command, argument)).collect();
    page.words(4, parts.iter().map(String::as_str));
    if !below.is_empty() {
        page.title("COMMANDS");
        page.columns(&below);
    }
    if below.is_empty() {
        page.title("EXAMPLE");
        page.sentence(2, &example(command));
    }
    if shown().next().is_some() {
        page.title("OPTIONS");
        for argument in order().filter(|argument| leads(command, argument)) {
            option(command, argument, &mut page);
        }
    }
    super::globals(&mut page);
    page.into_text()
}

/// Examples of commands whose words have forms that their table does not tell.
const EXAMPLES: [(&[&str], &str); 14] = [
    (&["cloudformation", "deploy"], "--template-file template.yaml --stack-name my-stack"),
    (&["ddb", "put"], "my-table '{id: 1, name: first}'"),
    (&["ddb", "select"], "my-table --filter 'id = 1'"),
    (&["ecr", "get-login-password"], ""),
    (&["logs", "tail"], "/aws/lambda/my-function --since 1h"),
    (&["s3", "cp"], "s3://my-bucket/my-key -"),
    (&["s3", "ls"], "s3://my-bucket/my-prefix/ --human-readable"),
    (&["s3", "mb"], "s3://my-bucket"),
    (&["s3", "mv"], "s3://my-bucket/old-key s3://my-bucket/new-key"),
    (&["s3", "presign"], "s3://my-bucket/my-key --expires-in 300"),
    (&["s3", "rb"], "s3://my-bucket"),
    (&["s3", "rm"], "s3://my-bucket/my-prefix/ --recursive --dryrun"),
    (&["s3", "sync"], "s3://my-bucket/from s3://my-bucket/to --dryrun"),
    (&["s3", "website"], "s3://my-bucket --index-document index.html"),
];

/// A call with a value for all that must be given.
fn example(command: &CustomCommand) -> String {
    let words = command.path.join(" ");
    if let Some((_, rest)) = EXAMPLES.iter().find(|(path, _)| *path == command.path) {
        return format!("aws {words} {rest}").trim_end().to_owned();
    }
    let needed = command.arguments.iter().filter(|argument| argument.required);
    let parts = needed.map(|argument| {
        let value = match argument.kind {
            ArgumentKind::Flag | ArgumentKind::Off => String::new(),
            ArgumentKind::Integer => " 1".to_owned(),
            _ => match argument.choices.first() {
                Some(choice) => format!(" {choice}"),
                None => format!(" my-{}", argument.name.replace('_', "-")),
            },
        };
        match argument.positional {
            true => value,
            false => format!(" --{}{value}", argument.name),
        }
    });
    format!("aws {words}{}", parts.collect::<String>())
}

/// Whether an argument is the first of its group, which is named for all of it.
fn leads(command: &CustomCommand, argument: &Argument) -> bool {
    let first = command.arguments.iter().find(|other| other.group.is_some() && other.group == argument.group);
    first.is_none_or(|first| first.name == argument.name)
}

/// An argument with those of its group.
fn written(command: &CustomCommand, argument: &Argument) -> String {
    if argument.positional {
        return format!("<{}>", argument.name);
    }
    let members = command.arguments.iter().filter(|other| match other.group {
        Some(_) => other.group == argument.group,
        None => other.name == argument.name,
    });
    members.map(|member| format!("--{}", member.name)).collect::<Vec<_>>().join(" | ")
}

fn part(command: &CustomCommand, argument: &Argument) -> String {
    let value = match argument.arity {
        _ if argument.positional => "",
        Arity::Zero => "",
        Arity::Optional => " [<value>]",
        Arity::Any | Arity::OneOrMore => " <value> ...",
        Arity::One | Arity::Exactly(_) => " <value>",
    };
    let mut written = format!("{}{value}", written(command, argument));
    if let (true, Arity::Exactly(count)) = (argument.positional, argument.arity) {
        written = vec![written; count].join(" ");
    }
    if argument.required { written } else { format!("[{written}]") }
}

fn option(command: &CustomCommand, argument: &Argument, page: &mut Page) {
    let kind = match argument.kind {
        ArgumentKind::Text => "string",
        ArgumentKind::Integer => "integer",
        ArgumentKind::Flag | ArgumentKind::Off => "boolean",
        ArgumentKind::Blob => "blob",
        ArgumentKind::List => "list",
        ArgumentKind::Map => "map",
        ArgumentKind::Structure => "structure",
    };
    let mut about = format!("{} ({kind}", written(command, argument));
    if argument.required {
        about.push_str(", required");
    }
    if argument.repeats {
        about.push_str(", may be given more than once");
    }
    if let Some(default) = argument.default.filter(|default| !default.is_empty()) {
        about.push_str(&format!(", default {default}"));
    }
    if let Arity::Exactly(count @ 2..) = argument.arity {
        about.push_str(&format!(", {count} words"));
    }
    about.push(')');
    if !argument.choices.is_empty() {
        about.push_str(&format!(" one of: {}", argument.choices.join(", ")));
    }
    page.sentence(2, &about);
}
