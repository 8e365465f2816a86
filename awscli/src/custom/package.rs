//! `aws cloudformation package`: the files that a template names go into a bucket, and the template names them there.

use std::pin::Pin;

use bytes::Bytes;

use super::client::text;
use super::cloudformation;
use super::upload::Uploader;
use crate::command::shorthand::{self, ShorthandError};
use crate::command::{Custom, UsageError, json};
use crate::files::in_folder;
use crate::format::{Sink, python_text};
use crate::run::{Failure, Printer};
use crate::send::Calls;
use crate::value::{Map, Value};
use crate::yaml::{self, Dialect, Layout, write_as};
use crate::zip;

const LAYOUT: Layout = Layout { sorted: false, width: 80, ruamel: true, template: true, items: false };

/// How deep templates may name others.
const MAX_DEPTH: usize = 16;

/// How a resource names an object.
enum Form {
    /// `s3://bucket/key`.
    Url,
    /// A structure with these members for bucket, key and version.
    Members(&'static str, &'static str, Option<&'static str>),
    /// The URL of a template, whose own files are packaged, too.
    Template,
}

/// A property that names a file.
struct Artifact {
    resource: &'static str,
    /// Members of members have a point between them.
    property: &'static str,
    form: Form,
    /// Without it the template's whole folder is meant.
    or_folder: bool,
    /// A single file goes into an archive.
    zipped: bool,
}

const fn url(resource: &'static str, property: &'static str) -> Artifact {
    Artifact { resource, property, form: Form::Url, or_folder: false, zipped: false }
}

const fn code(resource: &'static str, property: &'static str) -> Artifact {
    Artifact { or_folder: true, zipped: true, ..url(resource, property) }
}

const fn members(
    artifact: Artifact,
    bucket: &'static str,
    key: &'static str,
    version: Option<&'static str>,
) -> Artifact {
    let Artifact { resource, property, or_folder, zipped, .. } = artifact;
    Artifact { resource, property, form: Form::Members(bucket, key, version), or_folder, zipped }
}

const fn template(resource: &'static str, property: &'static str) -> Artifact {
    Artifact { form: Form::Template, or_folder: true, ..url(resource, property) }
}

const fn or_folder(artifact: Artifact) -> Artifact {
    let Artifact { resource, property, form, zipped, .. } = artifact;
    Artifact { resource, property, form, or_folder: true, zipped }
}

const fn zipped(artifact: Artifact) -> Artifact {
    let Artifact { resource, property, form, or_folder, .. } = artifact;
    Artifact { resource, property, form, or_folder, zipped: true }
}

const REQUEST: &str = "RequestMappingTemplateS3Location";
const RESPONSE: &str = "ResponseMappingTemplateS3Location";

/// The properties of resources that name files, in the order in which they are looked at.
static ARTIFACTS: &[Artifact] = &[
    code("AWS::Serverless::Function", "CodeUri"),
    url("AWS::Serverless::Api", "DefinitionUri"),
    url("AWS::AppSync::GraphQLSchema", "DefinitionS3Location"),
    url("AWS::AppSync::Resolver", REQUEST),
    url("AWS::AppSync::Resolver", RESPONSE),
    url("AWS::AppSync::FunctionConfiguration", REQUEST),
    url("AWS::AppSync::FunctionConfiguration", RESPONSE),
    members(url("AWS::ApiGateway::RestApi", "BodyS3Location"), "Bucket", "Key", Some("Version")),
    members(code("AWS::Lambda::Function", "Code"), "S3Bucket", "S3Key", Some("S3ObjectVersion")),
    members(
        or_folder(url("AWS::ElasticBeanstalk::ApplicationVersion", "SourceBundle")),
        "S3Bucket",
        "S3Key",
        None,
    ),
    template("AWS::CloudFormation::Stack", "TemplateURL"),
    template("AWS::Serverless::Application", "Location"),
    code("AWS::Serverless::LayerVersion", "ContentUri"),
    members(code("AWS::Lambda::LayerVersion", "Content"), "S3Bucket", "S3Key", Some("S3ObjectVersion")),
    or_folder(url("AWS::Glue::Job", "Command.ScriptLocation")),
    members(
        url("AWS::StepFunctions::StateMachine", "DefinitionS3Location"),
        "Bucket",
        "Key",
        Some("Version"),
    ),
    members(url("AWS::Serverless::StateMachine", "DefinitionUri"), "Bucket", "Key", Some("Version")),
    members(zipped(url("AWS::CodeCommit::Repository", "Code.S3")), "Bucket", "Key", Some("ObjectVersion")),
];

/// The same for a template's metadata.
static METADATA: &[Artifact] = &[
    url("AWS::ServerlessRepo::Application", "ReadmeUrl"),
    url("AWS::ServerlessRepo::Application", "LicenseUrl"),
];

/// `cloudformation package`.
pub async fn package(custom: &Custom, calls: &mut Calls<'_>, printer: &mut Printer) -> Result<i32, Failure> {
    let options = &custom.options;
    let metadata = options.text("metadata").map(|word| metadata(word, calls)).transpose()?;
    let region = printer.output.region.clone();
    let path = options.text("template-file").unwrap_or_default();
    cloudformation::template_text(path, calls)?;
    let uploader = Uploader::new(custom, metadata, region.as_deref());
    let uploader = uploader.ok_or_else(|| Failure::general("Parameter validation failed"))?;
    let mut exporter = Exporter { uploader, calls, printer };
    let exported = exporter.export(path, 0).await.map_err(|error| Failure::general(&error))?;
    let document = if options.has("use-json") {
        json_document(&exported).map_err(|error| Failure::general(&error))?
    } else {
        yaml_document(&exported)
    };
    printer.sink.push("\n");
    let Some(file) = options.text("output-template-file").filter(|file| !file.is_empty()) else {
        printer.sink.push(&document);
        return Ok(0);
    };
    let written = calls.session().files.write(file, document.into_bytes().into());
    written.map_err(|error| Failure::general(&error.to_string()))?;
    printer.sink.push(&format!(
        "Successfully packaged artifacts and wrote output template to file {file}.\nExecute the following command to \
         deploy the packaged template\naws cloudformation deploy --template-file {file} --stack-name <YOUR STACK NAME>\n"
    ));
    Ok(0)
}

/// Reads `--metadata`: names and texts, in shorthand or JSON.
fn metadata(word: &str, calls: &Calls<'_>) -> Result<Map, UsageError> {
    let wrong =
        |error: &str| UsageError::parameter(&format!("Error parsing parameter '--metadata': {error}"));
    let value = if word.trim().starts_with(['{', '[']) {
        json::parse(word).map_err(|error| wrong(&format!("Invalid JSON: {error}\nJSON received: {word}")))?
    } else {
        shorthand::parse(word, calls.session().files).map_err(|error| match error {
            ShorthandError::Syntax(message) | ShorthandError::File(message) => wrong(&message),
        })?
    };
    match value {
        Value::Map(map) => Ok(map),
        _ => Err(wrong(&format!("Invalid JSON:\n{word}"))),
    }
}

fn yaml_document(value: &Value) -> String {
    let mut sink = Sink::new(usize::MAX);
    write_as(value, LAYOUT, &mut sink);
    String::from_utf8(sink.into_bytes()).unwrap_or_default()
}

fn json_document(value: &Value) -> Result<String, String> {
    fn has_day(value: &Value) -> bool {
        match value {
            Value::Timestamp(_) | Value::Date(_) => true,
            Value::List(items) => items.iter().any(has_day),
            Value::Map(map) => map.values().any(has_day),
            _ => false,
        }
    }
    if has_day(value) {
        return Err("Object of type date is not JSON serializable".to_owned());
    }
    let mut sink = Sink::new(usize::MAX);
    crate::format::json(value, &mut sink);
    let document = String::from_utf8(sink.into_bytes()).unwrap_or_default();
    Ok(if document.is_empty() { "{}".to_owned() } else { document.trim_end().to_owned() })
}

/// A step that may lead into another template.
type Step<'a, T> = Pin<Box<dyn Future<Output = Result<T, String>> + Send + 'a>>;

/// Uploads what templates name. Errors are the official CLI's texts.
struct Exporter<'a, 'b, 'c> {
    uploader: Uploader,
    calls: &'a mut Calls<'b>,
    printer: &'c mut Printer,
}

impl Exporter<'_, '_, '_> {
    /// The template with the places of all that it names.
    fn export<'s>(&'s mut self, path: &'s str, depth: usize) -> Step<'s, Value> {
        Box::pin(async move {
            if depth > MAX_DEPTH {
                return Err("maximum recursion depth exceeded".to_owned());
            }
            let content = self.read(path).ok_or_else(|| format!("Invalid template path {path}"))?;
            let content = std::str::from_utf8(&content).map_err(|error| error.to_string())?;
            let mut template = yaml::read_or_json(&content.replace("\r\n", "\n"), Dialect::Template)
                .map_err(|error| error.to_string())?;
            let Value::Map(sections) = &mut template else {
                let kind = template.python_type();
                return Err(format!("argument of type '{kind}' is not a container or iterable"));
            };
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
            if let Some(Value::Map(metadata)) = sections.get_mut("Metadata") {
                for (kind, properties) in metadata {
                    for artifact in METADATA.iter().filter(|artifact| artifact.resource == kind) {
                        self.artifact(kind, properties, artifact, &folder, depth).await?;
                    }
                }
            }
            if !sections.contains_key("Resources") {
                return Ok(template);
            }
            self.includes(&mut template, &folder).await?;
            if let Value::Map(sections) = &mut template
                && let Some(resources) = sections.get_mut("Resources")
            {
                self.resources(resources, &folder, depth).await?;
            }
            Ok(template)
        })
    }

    /// Uploads what `Fn::Transform` includes, wherever it stands.
    fn includes<'s>(&'s mut self, value: &'s mut Value, folder: &'s str) -> Step<'s, ()> {
        Box::pin(async move {
            match value {
                Value::List(items) => {
                    for item in items.iter_mut().filter(|item| matches!(item, Value::Map(_))) {
                        self.includes(item, folder).await?;
                    }
                }
                Value::Map(map) => {
                    for (key, value) in map {
                        if key == "Fn::Transform" {
                            self.include(value, folder).await?;
                        } else {
                            self.includes(value, folder).await?;
                        }
                    }
                }
                _ => {}
            }
            Ok(())
        })
    }

    async fn include(&mut self, transform: &mut Value, folder: &str) -> Result<(), String> {
        if transform.get("Name").and_then(Value::as_str) != Some("AWS::Include") {
            return Ok(());
        }
        let Value::Map(transform) = transform else { return Ok(()) };
        let Some(Value::Map(parameters)) = transform.get_mut("Parameters") else { return Ok(()) };
        let location = match parameters.get("Location") {
            Some(Value::Str(location)) if !location.is_empty() && parse_s3(location).is_none() => {
                location.clone()
            }
            _ => return Ok(()),
        };
        let path = join(folder, &location);
        let content = self.read(&path).ok_or_else(|| missing("Location", "AWS::Include", &path))?;
        let key = self.upload(content, None).await?;
        parameters.insert("Location".to_owned(), Value::Str(self.uploader.s3_url(&key)));
        Ok(())
    }

    fn resources<'s>(&'s mut self, resources: &'s mut Value, folder: &'s str, depth: usize) -> Step<'s, ()> {
        Box::pin(async move {
            let Value::Map(resources) = resources else {
                let kind = resources.python_type();
                return Err(format!("'{kind}' object has no attribute 'items'"));
            };
            for (id, resource) in resources {
                if id.starts_with("Fn::ForEach::") {
                    match resource {
                        Value::List(parts) if parts.len() == 3 => {
                            self.resources(&mut parts[2], folder, depth).await?;
                        }
                        _ => {
                            return Err(format!(
                                "The value of {id} has an invalid \"Fn::ForEach::\" format: Must be a list of three entries"
                            ));
                        }
                    }
                    continue;
                }
                let Value::Map(resource) = resource else {
                    let kind = resource.python_type();
                    return Err(format!("'{kind}' object has no attribute 'get'"));
                };
                let kind = resource.get("Type").and_then(Value::as_str).unwrap_or_default().to_owned();
                let Some(properties) = resource.get_mut("Properties") else { continue };
                for artifact in ARTIFACTS.iter().filter(|artifact| artifact.resource == kind) {
                    self.artifact(id, properties, artifact, folder, depth).await?;
                }
            }
            Ok(())
        })
    }

    /// Uploads what one property names, and names the object in its place.
    async fn artifact(
        &mut self,
        id: &str,
        properties: &mut Value,
        artifact: &Artifact,
        folder: &str,
        depth: usize,
    ) -> Result<(), String> {
        if *properties == Value::Null {
            return Ok(());
        }
        let path: Vec<&str> = artifact.property.split('.').collect();
        let value = path.iter().try_fold(&*properties, |value, name| value.get(name)).cloned();
        let value = value.unwrap_or(Value::Null);
        let is_empty = match &value {
            Value::Null | Value::Bool(false) => true,
            Value::Str(text) => text.is_empty(),
            Value::List(items) => items.is_empty(),
            Value::Map(map) => map.is_empty(),
            _ => false,
        };
        if is_empty && !artifact.or_folder || matches!(value, Value::Map(_)) {
            return Ok(());
        }
        let placed = match artifact.form {
            Form::Template => self.template(id, artifact, &value, folder, depth).await,
            _ => self.place(id, artifact, &value, folder).await.map(Some),
        };
        let placed = placed.map_err(|error| {
            format!(
                "Unable to upload artifact {} referenced by {} parameter of {id} resource.\n{error}",
                python_text(&value),
                artifact.property
            )
        })?;
        if let (Some(placed), Value::Map(properties)) = (placed, properties) {
            set(properties, &path, placed);
        }
        Ok(())
    }

    /// What names the object of a file or folder, which is uploaded unless it is one.
    async fn place(
        &mut self,
        id: &str,
        artifact: &Artifact,
        value: &Value,
        folder: &str,
    ) -> Result<Value, String> {
        let place = match value {
            Value::Str(place) if parse_s3(place).is_some() => place.clone(),
            Value::Null | Value::Str(_) => {
                let (path, named) = match value {
                    Value::Str(name) => (join(folder, name), Some(name)),
                    _ => (folder.to_owned(), None),
                };
                let alone = named.filter(|_| artifact.zipped).and_then(|name| Some((name, self.read(name)?)));
                let content = match alone.filter(|(_, content)| !zip::is_zip(content)) {
                    Some((name, content)) => {
                        let name = name.rsplit('/').next().unwrap_or(name).to_owned();
                        zip::archive(&[(name, content)]).into()
                    }
                    None => match self.folder(&path) {
                        Some(archive) => archive,
                        None => self.read(&path).ok_or_else(|| missing(artifact.property, id, &path))?,
                    },
                };
                let key = self.upload(content, None).await?;
                self.uploader.s3_url(&key)
            }
            other => return Err(missing(artifact.property, id, &python_text(other))),
        };
        let Form::Members(bucket, key, version) = artifact.form else { return Ok(Value::Str(place)) };
        let object = parse_s3(&place).unwrap_or_default();
        let mut members = Map::new();
        members.insert(bucket.to_owned(), Value::Str(object.bucket));
        members.insert(key.to_owned(), Value::Str(object.key));
        if let (Some(name), Some(version)) = (version, object.version) {
            members.insert(name.to_owned(), Value::Str(version));
        }
        Ok(Value::Map(members))
    }

    /// The URL of a nested template. `None`: it is one already.
    async fn template(
        &mut self,
        id: &str,
        artifact: &Artifact,
        value: &Value,
        folder: &str,
        depth: usize,
    ) -> Result<Option<Value>, String> {
        let name = match value {
            Value::Null => return Ok(None),
            Value::Str(name) => name,
            other => {
                let kind = other.python_type();
                return Err(format!("'{kind}' object has no attribute 'startswith'"));
            }
        };
        if parse_s3(name).is_some() || name.starts_with("http://") || name.starts_with("https://") {
            return Ok(None);
        }
        let path = join(folder, name);
        if self.read(&path).is_none() {
            return Err(format!(
                "{} parameter of {id} resource is invalid. It must be a S3 URL or path to CloudFormation template file. \
                 Actual: {path}",
                artifact.property
            ));
        }
        let exported = self.export(&path, depth + 1).await?;
        let key = self.upload(yaml_document(&exported).into(), Some("template")).await?;
        let url = self.uploader.path_url(&key, self.calls).map_err(|error| error.to_string())?;
        Ok(Some(text(&url)))
    }

    async fn upload(&mut self, content: Bytes, extension: Option<&str>) -> Result<String, String> {
        let uploaded = self.uploader.upload(content, extension, self.calls, self.printer).await;
        uploaded.map_err(|error| error.to_string())
    }

    fn read(&self, path: &str) -> Option<Bytes> {
        self.calls.session().files.read(path).ok()
    }

    /// An archive of all files in a folder, if there are any.
    fn folder(&self, path: &str) -> Option<Bytes> {
        let content = in_folder(self.calls.session().files, path);
        (!content.is_empty()).then(|| zip::archive(&content).into())
    }
}

fn missing(property: &str, resource: &str, path: &str) -> String {
    format!(
        "Parameter {property} of resource {resource} refers to a file or folder that does not exist {path}"
    )
}

/// A path seen from a folder, without parts that lead nowhere.
fn join(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = if path.starts_with('/') { Vec::new() } else { folder.split('/').collect() };
    parts.extend(path.split('/'));
    let mut joined: Vec<&str> = Vec::new();
    for part in parts {
        match part {
            "" | "." => {}
            ".." => drop(joined.pop()),
            part => joined.push(part),
        }
    }
    joined.join("/")
}

/// An object that a template names.
#[derive(Default)]
struct Object {
    bucket: String,
    key: String,
    version: Option<String>,
}

/// Reads `s3://bucket/key?versionId=…`.
fn parse_s3(place: &str) -> Option<Object> {
    let rest = place.strip_prefix("s3://")?;
    let rest = rest.split('#').next().unwrap_or(rest);
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (bucket, key) = rest.split_once('/')?;
    if bucket.is_empty() {
        return None;
    }
    let versions: Vec<_> = url::form_urlencoded::parse(query.as_bytes())
        .filter(|(name, value)| name == "versionId" && !value.is_empty())
        .collect();
    let version = match versions.as_slice() {
        [(_, version)] => Some(version.clone().into_owned()),
        _ => None,
    };
    Some(Object { bucket: bucket.to_owned(), key: key.trim_start_matches('/').to_owned(), version })
}

/// Sets a member of members.
fn set(map: &mut Map, path: &[&str], value: Value) {
    match path {
        [] => {}
        [name] => drop(map.insert((*name).to_owned(), value)),
        [name, rest @ ..] => {
            let inner = map.entry((*name).to_owned()).or_insert_with(|| Value::Map(Map::new()));
            if let Value::Map(inner) = inner {
                set(inner, rest, value);
            }
        }
    }
}
