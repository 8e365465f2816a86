//! What changed between two packs: services, operations and their arguments, and what else of a service is another.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use awscli::catalog::{self, Entry};
use awscli::help::type_name;
use awscli::model::{Argument, ArgumentKind, Kind, Operation, Paginator, Service};

/// Things by name, each with what is compared of it.
type Described = BTreeMap<String, String>;

/// Tells what changed from one folder of packed files to another: some lines for each service, and the totals. Every file
/// of both is read.
pub fn between(old: &Path, new: &Path) -> Result<String> {
    let (old_names, new_names) = (names(old)?, names(new)?);
    let mut report = Report::default();
    for name in old_names.union(&new_names) {
        let was = old_names.contains(name).then(|| unpack(old, name)).transpose()?;
        let is = new_names.contains(name).then(|| unpack(new, name)).transpose()?;
        match (&was, &is) {
            (Some(was), Some(is)) => report.service(was, is),
            (was, is) => report.whole_service(was.as_ref(), is.as_ref()),
        }
    }
    if fs::read(old.join("partitions.bin"))? != fs::read(new.join("partitions.bin"))? {
        report.lines.push("regions and partitions changed".to_owned());
    }
    Ok(report.to_string())
}

/// The services of a pack.
fn names(pack: &Path) -> Result<BTreeSet<String>> {
    let path = pack.join("index.bin");
    let index: Vec<Entry> =
        postcard::from_bytes(&fs::read(&path).with_context(|| format!("read {}", path.display()))?)?;
    Ok(index.into_iter().map(|entry| entry.name).collect())
}

fn unpack(pack: &Path, name: &str) -> Result<Service> {
    let path = pack.join(format!("{name}.bin"));
    let packed = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
    catalog::unpack(&packed).with_context(|| format!("{} is no packed service", path.display()))
}

/// The lines, and how much of each kind changed.
#[derive(Default)]
struct Report {
    lines: Vec<String>,
    services: Tally,
    operations: Tally,
    /// Of the operations that both packs have.
    arguments: Tally,
    members: Tally,
}

#[derive(Default)]
struct Tally {
    added: usize,
    removed: usize,
    changed: usize,
}

impl Report {
    /// A service that only one of the packs has.
    fn whole_service(&mut self, was: Option<&Service>, is: Option<&Service>) {
        self.services.added += usize::from(is.is_some());
        self.services.removed += usize::from(was.is_some());
        for (service, sign) in was.map(|was| (was, '-')).into_iter().chain(is.map(|is| (is, '+'))) {
            let operations = service.commands().count();
            let number = if sign == '+' { &mut self.operations.added } else { &mut self.operations.removed };
            *number += operations;
            self.lines.push(format!("{sign} service {}, operations: {operations}", service.command));
        }
    }

    fn service(&mut self, was: &Service, is: &Service) {
        let mut lines = Vec::new();
        let operations = self.operations.count(&commands(was), &commands(is));
        lines.extend(operations.into_iter().map(|line| format!("  {line}")));
        for command in commands(was).keys() {
            let (Some(before), Some(now)) =
                (was.operation_of_command(command), is.operation_of_command(command))
            else {
                continue;
            };
            let mut changes = self.arguments.count(&arguments(was, before), &arguments(is, now));
            changes.extend(Tally::default().count(&own_traits(before), &own_traits(now)));
            if !changes.is_empty() {
                lines.push(format!("  {command}"));
                lines.extend(changes.into_iter().map(|line| format!("    {line}")));
            }
        }
        let mut others = Tally::default().count(&traits(was), &traits(is));
        if was.rules != is.rules {
            others.push("~ endpoint rules".to_owned());
        }
        let mut members = Tally::default();
        members.count(&structures(was), &structures(is));
        if members.any() {
            others.push(format!("~ members of its structures: {members}"));
            self.members.add(&members);
        }
        lines.extend(others.into_iter().map(|line| format!("  {line}")));
        if lines.is_empty() && was != is {
            lines.push("  ~ details of its shapes".to_owned());
        }
        if !lines.is_empty() {
            self.services.changed += 1;
            self.lines.push(is.command.clone());
            self.lines.append(&mut lines);
        }
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            writeln!(f, "{line}")?;
        }
        for (what, tally) in [
            ("services", &self.services),
            ("operations", &self.operations),
            ("arguments of other operations", &self.arguments),
            ("members of structures", &self.members),
        ] {
            writeln!(f, "{what}: {tally}")?;
        }
        Ok(())
    }
}

impl Tally {
    /// Counts and tells what is in only one of the two, or another in both.
    fn count(&mut self, was: &Described, is: &Described) -> Vec<String> {
        let mut lines = Vec::new();
        let names: BTreeSet<_> = was.keys().chain(is.keys()).collect();
        for name in names {
            match (was.get(name), is.get(name)) {
                (None, Some(now)) => {
                    self.added += 1;
                    lines.push(format!("+ {name}: {now}"));
                }
                (Some(_), None) => {
                    self.removed += 1;
                    lines.push(format!("- {name}"));
                }
                (Some(before), Some(now)) if before != now => {
                    self.changed += 1;
                    lines.push(format!("~ {name}: {before} -> {now}"));
                }
                _ => {}
            }
        }
        lines
    }

    fn any(&self) -> bool {
        self.added + self.removed + self.changed > 0
    }

    fn add(&mut self, other: &Self) {
        self.added += other.added;
        self.removed += other.removed;
        self.changed += other.changed;
    }
}

impl Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} added, {} removed, {} changed", self.added, self.removed, self.changed)
    }
}

/// What a service offers on the command line.
fn commands(service: &Service) -> Described {
    let operations = service.commands().map(|command| (command.to_owned(), "an operation".to_owned()));
    let waiters = service.waiters.iter();
    operations
        .chain(waiters.map(|waiter| (format!("wait {}", waiter.command), "a waiter".to_owned())))
        .collect()
}

/// What an operation takes. The `--no-` partner of a flag is not told again.
fn arguments(service: &Service, operation: &Operation) -> Described {
    let told = |argument: &&Argument| !matches!(argument.kind, ArgumentKind::No | ArgumentKind::WrappedNo);
    let described = |argument: &Argument| {
        let member = operation.input_members(service).get(argument.member as usize);
        let mut text = match (argument.kind, member) {
            (ArgumentKind::Outfile, _) => return ("outfile".to_owned(), "a file to write".to_owned()),
            (ArgumentKind::StartingToken | ArgumentKind::PageSize | ArgumentKind::MaxItems, _) => {
                "for paging".to_owned()
            }
            (_, Some(member)) => type_name(service, member.shape).to_owned(),
            (kind, None) => format!("the CLI's own, {kind:?}").to_lowercase(),
        };
        text += if argument.required { ", required" } else { "" };
        text += if argument.hidden { ", not listed" } else { "" };
        (format!("--{}", argument.name), text)
    };
    operation.arguments.iter().filter(told).map(described).collect()
}

/// What an operation is besides its input, output and errors.
fn own_traits(operation: &Operation) -> Described {
    described([
        ("request", format!("{} {}", operation.method, operation.uri)),
        ("host", operation.host_prefix.clone()),
        (
            "names in XML",
            [&operation.input_name, &operation.input_namespace, &operation.result_wrapper]
                .map(String::as_str)
                .join(" "),
        ),
        (
            "signing",
            format!(
                "{} {}{}",
                operation.authtype,
                operation.auth.join(","),
                if operation.unsigned_payload { " unsigned payload" } else { "" }
            ),
        ),
        (
            "checksum",
            format!(
                "{}{} {}",
                if operation.checksum_required { "required " } else { "" },
                operation.checksum_algorithm_member,
                operation.checksum_validation_member
            ),
        ),
        ("endpoint", format!("{:?} {:?}", operation.static_context, operation.operation_context)),
        ("endpoint discovery", operation.endpoint_discovery.to_string()),
        ("paging", operation.paginator.as_ref().map_or_else(String::new, paging)),
        ("compression", operation.compression.join(",")),
        ("only reads", operation.readonly.to_string()),
        ("idempotent", operation.idempotent.to_string()),
        ("deprecated", operation.deprecated.to_string()),
    ])
}

/// How results are paged, in short: by which members pages are asked for and known, what is collected, what else is kept.
fn paging(paginator: &Paginator) -> String {
    [
        &paginator.input_token.join(","),
        &paginator.output_token.join(","),
        &paginator.result_key.join(","),
        &paginator.limit_key,
        &paginator.more_results,
        &paginator.non_aggregate_keys.join(","),
    ]
    .map(String::as_str)
    .join(" | ")
}

/// What all requests of a service depend on.
fn traits(service: &Service) -> Described {
    described([
        ("protocol", format!("{:?} {}", service.protocol, service.json_version)),
        ("signature", format!("{} {}", service.signature_version, service.auth.join(","))),
        ("signing name", service.signing_name.clone()),
        ("endpoint prefix", service.endpoint_prefix.clone()),
        ("target prefix", service.target_prefix.clone()),
        ("XML namespace", service.xml_namespace.clone()),
        ("API version", service.api_version.clone()),
        ("settings", service.settings.clone()),
    ])
}

fn described<const N: usize>(traits: [(&str, String); N]) -> Described {
    let described = |(name, value): (&str, String)| {
        let value = value.trim();
        (name.to_owned(), if value.is_empty() { "none" } else { value }.to_owned())
    };
    traits.map(described).into()
}

/// The members of all structures.
fn structures(service: &Service) -> Described {
    let mut members = Described::new();
    for shape in service.shapes.iter() {
        if let Kind::Structure(structure) = &shape.kind {
            for member in &structure.members {
                let required = if member.required { ", required" } else { "" };
                let text = format!("{}{required}", type_name(service, member.shape));
                members.insert(format!("{}.{}", shape.name, member.name), text);
            }
        }
    }
    members
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde_json::{Value, json};

    use super::*;

    /// A folder that ends with the test.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("pack-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).expect("a temporary folder");
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            drop(fs::remove_dir_all(&self.0));
        }
    }

    fn write(path: &Path, content: &Value) {
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, content.to_string()).expect("a file");
    }

    /// Packs services of one shape each for their operations' inputs.
    fn packed(name: &str, services: &[(&str, Value)]) -> Folder {
        let (data, out) = (Folder::new(&format!("{name}-data")), Folder::new(name));
        write(&data.0.join("partitions.json"), &json!({"partitions": []}));
        for (service, model) in services {
            let folder = data.0.join(service).join("2026-01-01");
            write(&folder.join("service-2.json"), model);
            write(&folder.join("endpoint-rule-set-1.json"), &json!({"parameters": {}, "rules": []}));
        }
        assert_eq!(crate::pack(&data.0, &out.0).expect("a pack"), services.len());
        out
    }

    fn model(protocol: &str, operations: Value, input: Value) -> Value {
        json!({
            "metadata": {"protocol": protocol, "endpointPrefix": "zoo"},
            "operations": operations,
            "shapes": {
                "Input": input,
                "Text": {"type": "string"},
                "Texts": {"type": "list", "member": {"shape": "Text"}},
                "Switch": {"type": "boolean"},
            },
        })
    }

    #[test]
    fn what_changed_is_told_service_by_service() {
        let input = json!({"shape": "Input"});
        let old = model(
            "json",
            json!({
                "FeedLion": {"input": input, "http": {"method": "POST", "requestUri": "/"}},
                "WashLion": {},
                "CountLions": {"http": {"method": "GET", "requestUri": "/"}},
            }),
            json!({
                "type": "structure",
                "required": ["Name"],
                "members": {
                    "Name": {"shape": "Text"},
                    "Food": {"shape": "Text"},
                    "Spoon": {"shape": "Switch"},
                    "Keeper": {"shape": "Text"},
                },
            }),
        );
        let new = model(
            "smithy-rpc-v2-cbor",
            json!({
                "BrushLion": {"input": input},
                "CountLions": {"http": {"method": "POST", "requestUri": "/"}},
                "FeedLion": {"input": input, "http": {"method": "POST", "requestUri": "/"}},
            }),
            json!({
                "type": "structure",
                "required": ["Name", "Keeper"],
                "members": {
                    "Name": {"shape": "Text"},
                    "Food": {"shape": "Texts"},
                    "Keeper": {"shape": "Text"},
                    "Loudly": {"shape": "Switch"},
                },
            }),
        );
        let nothing = model("query", json!({"Wait": {}}), json!({"type": "structure", "members": {}}));
        let old = packed("old", &[("farm", nothing.clone()), ("sea", nothing.clone()), ("zoo", old)]);
        let new = packed("new", &[("park", nothing.clone()), ("sea", nothing), ("zoo", new)]);
        assert_eq!(
            between(&old.0, &new.0).expect("a report"),
            "\
- service farm, operations: 1
+ service park, operations: 1
zoo
  + brush-lion: an operation
  - wash-lion
  count-lions
    ~ request: GET / -> POST /
  feed-lion
    ~ --food: string -> list
    ~ --keeper: string -> string, required
    + --loudly: boolean
    - --spoon
  ~ protocol: Json -> Cbor
  ~ members of its structures: 1 added, 1 removed, 2 changed
services: 1 added, 1 removed, 1 changed
operations: 2 added, 2 removed, 0 changed
arguments of other operations: 1 added, 1 removed, 2 changed
members of structures: 1 added, 1 removed, 2 changed
"
        );
        let same = between(&new.0, &new.0).expect("a report");
        assert!(same.starts_with("services: 0 added, 0 removed, 0 changed\n"), "{same}");
    }

    #[test]
    fn what_is_no_pack_is_no_change() {
        let (pack, folder) = (packed("whole", &[]), Folder::new("broken"));
        let error = between(&pack.0, &folder.0).expect_err("no index");
        assert!(format!("{error:#}").contains("index.bin"), "{error:#}");
    }
}
