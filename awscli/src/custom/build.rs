//! The commands of GameLift that move files.

use bytes::Bytes;

use super::client::{Client, map, member, text, text_at};
use crate::command::Custom;
use crate::files::in_folder;
use crate::run::{Failure, Printer};
use crate::s3::size_text;
use crate::send::{Calls, Extras};
use crate::session::Credentials;
use crate::value::Value;
use crate::zip;

/// The operation that tells where a session's log is.
const URL_OF_LOG: &str = "GetGameSessionLogUrl";

/// `gamelift get-game-session-log`: keeps the log of a session in a file.
pub async fn log(custom: &Custom, calls: &mut Calls<'_>, printer: &mut Printer) -> Result<i32, Failure> {
    let gamelift = Client::new("gamelift", printer.output.region.as_deref())?;
    let option = |name: &str| custom.options.text(name).unwrap_or_default();
    let (id, file) = (option("game-session-id"), option("save-as"));
    let result = gamelift.reveal(calls, URL_OF_LOG, map([("GameSessionId", text(id))])).await?;
    let (url, operation) = (text_at(&result, &["PreSignedUrl"])?, gamelift.operation(URL_OF_LOG)?);
    let content = calls.fetch(&gamelift.service, operation, url, gamelift.region.as_deref()).await?;
    printer.sink.push(&format!("Downloading log archive for game session {id}...\r"));
    let written = calls.session().files.write(file, Bytes::from(content));
    written.map_err(|error| Failure::general(&error.to_string()))?;
    printer.sink.push(&format!("Successfully downloaded log archive for game session {id} to {file}\n"));
    Ok(0)
}

/// `gamelift upload-build`: makes a build of a folder, and puts its archive where GameLift lets it.
pub async fn upload(custom: &Custom, calls: &mut Calls<'_>, printer: &mut Printer) -> Result<i32, Failure> {
    let options = &custom.options;
    let option = |name: &str| options.text(name).unwrap_or_default();
    let region = printer.output.region.clone();
    let gamelift = Client::new("gamelift", region.as_deref())?;
    let root = option("build-root");
    let files = if root.is_empty() { Vec::new() } else { in_folder(calls.session().files, root) };
    if files.is_empty() {
        printer.output.stderr.push_str(&format!(
            "Fail to upload {root}. The build root directory is empty or does not exist.\n"
        ));
        return Ok(255);
    }
    let mut request = map([("Name", text(option("name"))), ("Version", text(option("build-version")))]);
    for (name, member) in
        [("operating-system", "OperatingSystem"), ("server-sdk-version", "ServerSdkVersion")]
    {
        let given = option(name);
        if !given.is_empty() {
            request.insert(member.to_owned(), text(given));
        }
    }
    if options.has("tags") {
        let tags = options.texts("tags").iter().map(|tag| tag.split_once('=').unwrap_or((tag, "")));
        let tags = tags.map(|(key, value)| Value::Map(map([("Key", text(key)), ("Value", text(value))])));
        request.insert("Tags".to_owned(), Value::List(tags.collect()));
    }
    let made = gamelift.call(calls, "CreateBuild", request).await?;
    let id = text_at(&made, &["Build", "BuildId"])?;
    let request = map([("BuildId", text(id))]);
    let lent = gamelift.reveal(calls, "RequestUploadCredentials", request).await?;
    member(&lent, "UploadCredentials")?;
    let place = |name: &str| text_at(&lent, &["StorageLocation", name]).map(str::to_owned);
    let (bucket, key) = (place("Bucket")?, place("Key")?);
    let secret = |name: &str| text_at(&lent, &["UploadCredentials", name]).map(str::to_owned);
    let credentials = Credentials {
        access_key_id: secret("AccessKeyId")?,
        secret_access_key: secret("SecretAccessKey")?,
        session_token: Some(secret("SessionToken")?),
        account_id: None,
    };
    let archive = zip::archive(&files);
    let size = size_text(archive.len() as i128, true);
    let s3 = Client::new("s3api", region.as_deref())?;
    let operation = s3.operation("PutObject")?;
    let request = map([("Bucket", text(&bucket)), ("Key", text(&key))]);
    let extras = Extras { body: Some(archive.into()), credentials: Some(credentials), ..Extras::default() };
    calls.send_with(&s3.service, operation, request, region.as_deref(), extras).await?;
    printer.sink.push(&format!(
        "\rUploading {root}:  {size} / {size}  (100.00%)Successfully uploaded {root} to AWS GameLift\nBuild ID: {id}\n"
    ));
    Ok(0)
}
