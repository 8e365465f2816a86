//! `--emrfs`: how a cluster keeps its files in S3.

use super::{bootstrap, file, items, missing, words};
use crate::command::UsageError;
use crate::custom::client::{map, text};
use crate::format::python_text;
use crate::value::{Map, Value};

const CONSISTENT: &str = "--emrfs Consistent=true/false";
const KMS: &str = "--emrfs Encryption=ClientSide,ProviderType=KMS";
const CUSTOM: &str = "--emrfs Encryption=ClientSide,ProviderType=Custom";
const CUSTOM_KEYS: [&str; 2] = ["CustomProviderClass", "CustomProviderLocation"];
const MATERIALS: &str = "fs.s3.cse.encryptionMaterialsProvider";

/// The configuration of a cluster that has a release.
pub fn configuration(emrfs: &Value) -> Result<Value, UsageError> {
    check(emrfs)?;
    let mut properties = properties(emrfs);
    if is_custom(emrfs) {
        let location = emrfs.get("CustomProviderLocation").cloned().unwrap_or(Value::Null);
        properties.insert(format!("{MATERIALS}.uri"), location);
    }
    Ok(Value::Map(map([("Classification", text("emrfs-site")), ("Properties", Value::Map(properties))])))
}

/// The scripts that do the same on a cluster of before releases.
pub fn bootstrap_actions(emrfs: &Value, region: &str) -> Result<Vec<Value>, UsageError> {
    check(emrfs)?;
    let mut actions = Vec::new();
    if is_custom(emrfs) {
        let location = text_of(emrfs, "CustomProviderLocation").unwrap_or_default();
        let args = words(&["-s", location, "-d", "/usr/share/aws/emr/auxlib", "-f"]);
        actions.push(bootstrap("S3 get", "file:/usr/share/aws/emr/scripts/s3get", args));
    }
    let args = properties(emrfs).into_iter().flat_map(|(key, value)| {
        let pair = match value.as_str() {
            Some("") | None => key,
            Some(value) => format!("{key}={value}"),
        };
        [text("-e"), text(&pair)]
    });
    let path = file(region, "/bootstrap-actions/configure-hadoop");
    actions.push(bootstrap("Setup EMRFS", &path, args.collect()));
    Ok(actions)
}

fn text_of<'a>(emrfs: &'a Value, name: &str) -> Option<&'a str> {
    emrfs.get(name).and_then(Value::as_str)
}

fn upper(emrfs: &Value, name: &str) -> Option<String> {
    text_of(emrfs, name).map(str::to_uppercase)
}

fn provider(emrfs: &Value) -> Option<String> {
    let client_side = upper(emrfs, "Encryption").as_deref() == Some("CLIENTSIDE");
    upper(emrfs, "ProviderType").filter(|_| client_side)
}

fn is_custom(emrfs: &Value) -> bool {
    provider(emrfs).as_deref() == Some("CUSTOM")
}

/// Refuses what does not go together.
fn check(emrfs: &Value) -> Result<(), UsageError> {
    let encryption = upper(emrfs, "Encryption");
    if encryption.as_deref().is_some_and(|kind| !["CLIENTSIDE", "SERVERSIDE"].contains(&kind)) {
        return Err(UsageError::parameter(&format!(
            "The encryption type \"{}\" is invalid. You must specify either ServerSide or ClientSide",
            text_of(emrfs, "Encryption").unwrap_or_default()
        )));
    }
    if let (Some(sse), Some(encryption)) = (emrfs.get("SSE"), text_of(emrfs, "Encryption")) {
        return Err(UsageError::parameter(&format!(
            "Both SSE={} and Encryption={encryption} are configured for --emrfs. You must specify only one of the two.",
            python_text(sse)
        )));
    }
    let required = |keys: &[&str], object: &str| {
        let absent: Vec<&str> = keys.iter().filter(|key| emrfs.get(key).is_none()).copied().collect();
        if absent.is_empty() { Ok(()) } else { Err(missing(object, &absent.join(" and "))) }
    };
    if encryption.as_deref() == Some("CLIENTSIDE") {
        match upper(emrfs, "ProviderType").as_deref() {
            None => return Err(missing("--emrfs Encryption=ClientSide", "ProviderType")),
            Some("KMS") => required(&["KMSKeyId"], KMS)?,
            Some("CUSTOM") => required(&CUSTOM_KEYS, CUSTOM)?,
            Some(_) => {
                return Err(UsageError::parameter(&format!(
                    "The client side encryption type \"{}\" is not supported. You must specify either KMS or Custom",
                    text_of(emrfs, "ProviderType").unwrap_or_default()
                )));
            }
        }
    }
    let forbidden = |keys: &[&str], object: &str| {
        let present: Vec<&str> = keys.iter().filter(|key| emrfs.get(key).is_some()).copied().collect();
        if present.is_empty() {
            return Ok(());
        }
        Err(UsageError::parameter(&format!(
            "{object} is not specified. Thus,  following parameters are invalid: {}",
            present.join(" and ")
        )))
    };
    if emrfs.get("Consistent").is_none() {
        forbidden(&["RetryCount", "RetryPeriod"], CONSISTENT)?;
    }
    if provider(emrfs).as_deref() != Some("KMS") {
        forbidden(&["KMSKeyId"], KMS)?;
    }
    if !is_custom(emrfs) {
        forbidden(&CUSTOM_KEYS, CUSTOM)?;
    }
    Ok(())
}

fn properties(emrfs: &Value) -> Map {
    let mut properties = Map::new();
    let mut set = |key: &str, value: &str| properties.insert(key.to_owned(), text(value));
    if let Some(consistent) = emrfs.get("Consistent") {
        set("fs.s3.consistent", &python_text(consistent).to_lowercase());
        for (name, key) in [
            ("RetryCount", "fs.s3.consistent.retryCount"),
            ("RetryPeriod", "fs.s3.consistent.retryPeriodSeconds"),
        ] {
            if let Some(value) = emrfs.get(name) {
                set(key, &python_text(value));
            }
        }
    }
    let server_side = upper(emrfs, "Encryption").as_deref() == Some("SERVERSIDE");
    if emrfs.get("SSE").is_some() || server_side {
        let sse = emrfs.get("SSE").map_or_else(|| "true".to_owned(), |sse| python_text(sse).to_lowercase());
        set("fs.s3.enableServerSideEncryption", &sse);
    }
    match provider(emrfs).as_deref() {
        Some("KMS") => {
            set("fs.s3.cse.enabled", "true");
            set(MATERIALS, "com.amazon.ws.emr.hadoop.fs.cse.KMSEncryptionMaterialsProvider");
            set("fs.s3.cse.kms.keyId", text_of(emrfs, "KMSKeyId").unwrap_or_default());
        }
        Some("CUSTOM") => {
            set("fs.s3.cse.enabled", "true");
            set(MATERIALS, text_of(emrfs, "CustomProviderClass").unwrap_or_default());
        }
        _ => {}
    }
    for pair in items(emrfs.get("Args")).iter().filter_map(Value::as_str) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        set(key, value);
    }
    properties
}
