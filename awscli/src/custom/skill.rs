//! `aws agent-toolkit get-skill-file`: prints one file of a skill.

use super::client::{Client, body, map, text};
use crate::command::Custom;
use crate::run::{Failure, Printer};
use crate::send::Calls;

/// Prints the file as it is.
pub async fn file(custom: &Custom, calls: &mut Calls<'_>, printer: &mut Printer) -> Result<i32, Failure> {
    let toolkit = Client::new("agent-toolkit", printer.output.region.as_deref())?;
    let option = |name: &str| custom.options.text(name).filter(|word| !word.is_empty());
    let request = map([
        ("name", text(option("skill-name").unwrap_or_default())),
        ("skillVersion", text(option("skill-version").unwrap_or("latest"))),
        ("filePath", text(option("file-path").unwrap_or_default())),
    ]);
    let mut result = toolkit.call(calls, "GetSkillFile", request).await?;
    printer.sink.push_bytes(&body(&mut result, "body"));
    Ok(0)
}
