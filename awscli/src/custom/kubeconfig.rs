//! `aws eks update-kubeconfig`: a cluster in the configuration of `kubectl`, which is one of the job's files.

use super::client::{Client, map, text, text_at};
use crate::command::{Custom, UsageError};
use crate::files::FileError;
use crate::format::Sink;
use crate::run::{Failure, Printer};
use crate::send::Calls;
use crate::value::{Map, Value};
use crate::yaml::{self, Dialect, Layout, YamlError, write_as};

/// Where the configuration is if `--kubeconfig` does not say.
const DEFAULT_PATH: &str = ".kube/config";

const LAYOUT: Layout =
    Layout { sorted: false, width: usize::MAX, ruamel: true, template: false, items: false };

/// `eks update-kubeconfig`.
pub async fn update(custom: &Custom, calls: &mut Calls<'_>, printer: &mut Printer) -> Result<i32, Failure> {
    let options = &custom.options;
    if options.has("assume-role-arn") {
        let reason =
            "--assume-role-arn is not available here: commands run under the role that is mapped to you.";
        return Err(UsageError::refused(reason).into());
    }
    let client = Client::new("eks", printer.output.region.as_deref())?;
    let name = options.text("name").unwrap_or_default();
    let found = client.call(calls, "DescribeCluster", map([("name", text(name))])).await?;
    let cluster = match found.get("cluster") {
        Some(Value::Map(cluster)) if cluster.contains_key("status") => cluster,
        _ => return Err(Failure::general("Cluster not found")),
    };
    let status = text_at(cluster, &["status"])?;
    if !["ACTIVE", "UPDATING"].contains(&status) {
        return Err(Failure::general(&format!("Cluster status is {status}")));
    }
    let (arn, cluster_entry) = cluster_entry(cluster, options.text("proxy-url"))?;
    let user_entry = user_entry(cluster, name, arn, custom)?;
    let user = text_at(&user_entry, &["name"])?.to_owned();
    let alias = options.text("alias").filter(|alias| !alias.is_empty()).unwrap_or(&user).to_owned();
    let context = map([("cluster", text(arn)), ("user", text(&user))]);
    let context_entry = map([("context", Value::Map(context)), ("name", text(&alias))]);
    let path = options.text("kubeconfig").unwrap_or(DEFAULT_PATH);
    let mut config = load(path, calls)?;
    let names = |value: Option<&Value>| match value {
        Some(Value::List(entries)) => entries.iter().any(|entry| entry.get("name") == Some(&text(arn))),
        _ => false,
    };
    let known = names(config.get("clusters"));
    let entries = [("clusters", &cluster_entry), ("users", &user_entry), ("contexts", &context_entry)];
    for (key, entry) in entries {
        insert(&mut config, key, entry);
    }
    config.insert("current-context".to_owned(), text(&alias));
    let document = document(config);
    if options.has("dry-run") {
        printer.sink.push(&document);
        return Ok(0);
    }
    let written = calls.session().files.write(path, document.into_bytes().into());
    written.map_err(|error| Failure::general(&format!("Can't open kubeconfig for writing: {error}")))?;
    printer.sink.push(&match known {
        true => format!("Updated context {alias} in {path}\n"),
        false => format!("Added new context {alias} to {path}\n"),
    });
    if options.has("verbose") {
        printer.sink.push("Entries:\n\n");
        for entry in [context_entry, user_entry, cluster_entry] {
            printer.sink.push(&self::document(entry));
            printer.sink.push("\n");
        }
    }
    Ok(0)
}

fn document(value: Map) -> String {
    let mut sink = Sink::new(usize::MAX);
    write_as(&Value::Map(value), LAYOUT, &mut sink);
    String::from_utf8(sink.into_bytes()).unwrap_or_default()
}

/// The cluster's ARN, and its entry.
fn cluster_entry<'a>(cluster: &'a Map, proxy: Option<&str>) -> Result<(&'a str, Map), Failure> {
    let data = cluster.get("certificateAuthority").and_then(|authority| authority.get("data"));
    let data = data.cloned().unwrap_or_else(|| text(""));
    let endpoint = cluster.get("endpoint").cloned().unwrap_or(Value::Null);
    let arn = cluster.get("arn").and_then(Value::as_str);
    let arn = arn.ok_or_else(|| Failure::general("'NoneType' object has no attribute 'split'"))?;
    let mut place = map([("certificate-authority-data", data), ("server", endpoint)]);
    if let Some(proxy) = proxy {
        place.insert("proxy-url".to_owned(), text(proxy));
    }
    Ok((arn, map([("cluster", Value::Map(place)), ("name", text(arn))])))
}

/// The entry that gets a token of the cluster.
fn user_entry(cluster: &Map, name: &str, arn: &str, custom: &Custom) -> Result<Map, Failure> {
    let region = arn.split(':').nth(3).ok_or_else(|| Failure::general("list index out of range"))?;
    // A cluster whose control plane is on an outpost is known by its id.
    let local = match cluster.get("outpostConfig") {
        None | Some(Value::Null) => false,
        Some(outpost) => outpost.get("etcdInstanceType").is_none(),
    };
    let (option, value) = if local {
        ("--cluster-id", cluster.get("id").cloned().unwrap_or(Value::Null))
    } else {
        ("--cluster-name", text(name))
    };
    let mut words = vec![text("--region"), text(region), text("eks"), text("get-token"), text(option), value];
    words.extend([text("--output"), text("json")]);
    if let Some(role) = custom.options.text("role-arn") {
        words.extend([text("--role"), text(role)]);
    }
    let exec = map([
        ("apiVersion", text("client.authentication.k8s.io/v1beta1")),
        ("args", Value::List(words)),
        ("command", text("aws")),
    ]);
    let user = custom.options.text("user-alias").filter(|alias| !alias.is_empty()).unwrap_or(arn);
    Ok(map([("name", text(user)), ("user", Value::Map(map([("exec", Value::Map(exec))])))]))
}

/// The members that a configuration has, and what they are.
fn new_config() -> Map {
    let none = || Value::List(Vec::new());
    map([
        ("apiVersion", text("v1")),
        ("clusters", none()),
        ("contexts", none()),
        ("current-context", text("")),
        ("kind", text("Config")),
        ("preferences", Value::Map(Map::new())),
        ("users", none()),
    ])
}

/// Reads the configuration, or begins one.
fn load(path: &str, calls: &Calls<'_>) -> Result<Map, Failure> {
    let content = match calls.session().files.read(path) {
        Ok(content) => content,
        Err(FileError::Missing(_)) => return Ok(new_config()),
        Err(error) => return Err(Failure::general(&format!("Can't open kubeconfig for reading: {error}"))),
    };
    let content = String::from_utf8_lossy(&content);
    let document = yaml::read(&content, Dialect::Config).map_err(|error| match error {
        YamlError::Invalid(what) => Failure::general(&format!("YamlError while loading kubeconfig: {what}")),
        YamlError::Value(what) => Failure::general(&what),
    })?;
    let config = match document.value {
        Value::Null => return Ok(new_config()),
        Value::Map(config) => config,
        _ => return Err(Failure::general("Content not a <class 'dict'>.")),
    };
    for (key, wanted) in &new_config() {
        match (config.get(key), wanted) {
            (None | Some(Value::Null), _)
            | (Some(Value::Str(_)), Value::Str(_))
            | (Some(Value::Map(_)), Value::Map(_)) => {}
            (Some(Value::List(entries)), Value::List(_)) => {
                if entries.iter().any(|entry| !matches!(entry, Value::Map(_))) {
                    return Err(Failure::general(&format!("Entry in {key} not a <class 'dict'>.")));
                }
            }
            (Some(found), wanted) => {
                let message = format!(
                    "{key} is wrong type: <class '{}'> (Should be <class '{}'>)",
                    class(found),
                    class(wanted)
                );
                return Err(Failure::general(&message));
            }
        }
    }
    Ok(config)
}

/// The name of a value's class where Python reads the configuration.
fn class(value: &Value) -> &'static str {
    match value {
        Value::Map(_) => "collections.OrderedDict",
        other => other.python_type(),
    }
}

/// Puts an entry in place of the one of its name, or behind all others.
fn insert(config: &mut Map, key: &str, entry: &Map) {
    let entries = config.entry(key.to_owned()).or_insert(Value::Null);
    if !matches!(entries, Value::List(_)) {
        *entries = Value::List(Vec::new());
    }
    let Value::List(entries) = entries else { return };
    match entries.iter_mut().find(|known| known.get("name") == entry.get("name")) {
        Some(known) => *known = Value::Map(entry.clone()),
        None => entries.push(Value::Map(entry.clone())),
    }
}
