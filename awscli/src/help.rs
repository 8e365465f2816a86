//! `help` at its three levels: the services, a service's operations, an operation's options. The models are carried
//! without their prose, so the pages say what there is and what form it takes.

use crate::catalog;
use crate::model::{Argument, ArgumentKind, Kind, Operation, Service};

/// The width that lists are broken at.
const WIDTH: usize = 80;

/// The page that `argv` asks for, if it is `help`, `<service> help` or `<service> <operation> help`.
pub fn page(argv: &[String]) -> Option<String> {
    let words: Vec<&str> = argv.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["help"] => Some(all_services()),
        ["s3", .., "help"] if words.len() <= 3 => Some(s3()),
        [command, "help"] => Some(service(&*catalog::service(command)?)),
        [command, word, "help"] => {
            let service = catalog::service(command)?;
            let known = service.operation_of_command(word)?;
            Some(operation(&service, known))
        }
        _ => None,
    }
}

/// The page of `aws help`.
pub fn all_services() -> String {
    let mut services: Vec<&str> = catalog::index().iter().map(|entry| entry.command.as_str()).collect();
    services.push("s3");
    services.sort_unstable();
    format!(
        "usage: aws [options] <command> <subcommand> [parameters]\n\n`aws <command> help` lists a command's \
         subcommands, `aws <command> <subcommand> help` its parameters.\n\nOptions:\n  --region <name>          where to \
         run\n  --output <format>        json, text, table, yaml, yaml-stream or off\n  --query <expression>     JMESPath over the result\n  \
         --no-paginate            only the first page\n  --max-items <number>     stop after so many items\n\nCommands:\n{}",
        columns(&services)
    )
}

/// The page of `aws s3 help`.
pub fn s3() -> String {
    "usage: aws s3 <subcommand> [parameters]\n\nSubcommands:\n  ls [s3://bucket/prefix] [--recursive] [--human-readable] \
     [--summarize]\n     [--page-size <number>] [--request-payer [requester]]\n     [--bucket-name-prefix <text>] \
     [--bucket-region <name>]\n\n`aws s3api help` lists all operations of S3.\n"
        .to_owned()
}

/// The page of `aws <service> help`.
pub fn service(service: &Service) -> String {
    let mut operations: Vec<&str> = service.commands().collect();
    operations.sort_unstable();
    format!(
        "{}\n\nusage: aws {} <subcommand> [parameters]\n\nSubcommands:\n{}",
        service.full_name,
        service.command,
        columns(&operations)
    )
}

/// The page of `aws <service> <operation> help`.
pub fn operation(service: &Service, operation: &Operation) -> String {
    let shown = |required: bool| {
        operation
            .arguments
            .iter()
            .filter(|argument| !argument.hidden && argument.required == required)
            .map(|argument| format!("  {}\n", option(service, operation, argument)))
            .collect::<String>()
    };
    let (required, optional) = (shown(true), shown(false));
    let section = |title: &str, lines: String| match lines.is_empty() {
        true => String::new(),
        false => format!("\n{title}:\n{lines}"),
    };
    format!(
        "usage: aws {} {} [parameters]\n{}{}",
        service.command,
        operation.command,
        section("Required", required),
        section("Optional", optional)
    )
}

/// An option with the form of its value.
fn option(service: &Service, operation: &Operation, argument: &Argument) -> String {
    let members = operation.input.and_then(|id| match &service.shapes.get(id as usize)?.kind {
        Kind::Structure(structure) => Some(&structure.members),
        _ => None,
    });
    let member = members.and_then(|members| members.get(argument.member as usize));
    let kind = member.and_then(|member| Some(&service.shapes.get(member.shape as usize)?.kind));
    let form = match argument.kind {
        ArgumentKind::Value => kind.map_or_else(|| "<value>".to_owned(), |kind| form(service, kind)),
        ArgumentKind::Flag
        | ArgumentKind::No
        | ArgumentKind::WrappedFlag
        | ArgumentKind::WrappedNo
        | ArgumentKind::Switch => return format!("--{}", argument.name),
        ArgumentKind::Outfile => return format!("<{}>", argument.name),
        ArgumentKind::StartingToken | ArgumentKind::Text => "<text>".to_owned(),
        ArgumentKind::PageSize | ArgumentKind::MaxItems => "<number>".to_owned(),
        ArgumentKind::Texts => "<text> ...".to_owned(),
    };
    format!("--{} {form}", argument.name)
}

fn form(service: &Service, kind: &Kind) -> String {
    /// How many choices are listed before an ellipsis.
    const CHOICES: usize = 8;
    match kind {
        Kind::Structure(_) | Kind::Map { .. } => "<structure: shorthand or JSON>".to_owned(),
        Kind::List { member, .. } => match service.shapes.get(member.shape as usize).map(|shape| &shape.kind)
        {
            Some(inner) => format!("{} ...", form(service, inner)),
            None => "<value> ...".to_owned(),
        },
        Kind::String { choices, .. } if !choices.is_empty() => {
            let more = if choices.len() > CHOICES { "|..." } else { "" };
            let shown: Vec<&str> = choices.iter().take(CHOICES).map(String::as_str).collect();
            format!("<{}{more}>", shown.join("|"))
        }
        Kind::String { .. } => "<text>".to_owned(),
        Kind::Integer { .. } | Kind::Long { .. } | Kind::Float { .. } | Kind::Double { .. } => {
            "<number>".to_owned()
        }
        Kind::Boolean => "<true|false>".to_owned(),
        Kind::Timestamp { .. } => "<time>".to_owned(),
        Kind::Blob { .. } => "<base64>".to_owned(),
    }
}

/// Words in as many columns as fit.
fn columns(words: &[&str]) -> String {
    let widest = words.iter().map(|word| word.len() + 2).max().unwrap_or(1);
    let count = ((WIDTH - 2) / widest).max(1);
    let line = |words: &[&str]| {
        let cells: String = words.iter().map(|word| format!("{word:widest$}")).collect();
        format!("  {}\n", cells.trim_end())
    };
    words.chunks(count).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_list_what_there_is() {
        let all = all_services();
        let words: Vec<&str> = all.split_whitespace().collect();
        assert!(["ec2", "s3", "s3api"].iter().all(|service| words.contains(service)), "{all}");
        let sts = catalog::service("sts").expect("a service");
        assert!(service(&sts).contains("  assume-role "), "{}", service(&sts));
        let assume = sts.operation_of_command("assume-role").expect("an operation");
        let page = operation(&sts, assume);
        assert!(page.contains("Required:\n  --role-arn <text>\n  --role-session-name <text>\n"), "{page}");
        assert!(page.contains("  --policy-arns <structure: shorthand or JSON> ...\n"), "{page}");
        assert!([all, page].iter().all(|page| page.ends_with('\n')));
    }
}
