//! Options of the CLI's own that set several members at once or in their own way, and defaults that it fills in.

mod bucket;
mod ec2;

pub use ec2::sign_upload;

use std::time::SystemTime;

use bytes::Bytes;

use self::bucket::is_bucket;
use self::ec2::{OWNER_KEY, describe_interface, permission, run_instances};
use super::UsageError;
use super::values::{Reading, float, int, python_float, python_int};
use crate::custom;
use crate::files::MemoryFiles;
use crate::model::{Kind, Member, Operation, Service};
use crate::value::{Map, Value};

static NO_FILES: MemoryFiles = MemoryFiles::new(0);

/// How many items a page has if nobody says so. EC2 answers with all snapshots or volumes at once otherwise, and takes so
/// long over many that the call fails.
pub fn default_page_size(service: &Service, operation: &Operation, given: &Map) -> Option<i64> {
    let is_long = service.command == "ec2"
        && ["DescribeSnapshots", "DescribeVolumes"].contains(&operation.name.as_str());
    let picks = ["Filters", "SnapshotIds", "VolumeIds"].iter().any(|member| given.contains_key(*member));
    (is_long && !picks).then_some(1000)
}

/// The type of an option of the CLI's own, in the words of its help pages.
pub fn type_of(option: &str) -> &'static str {
    match option {
        "active"
        | "associate-public-ip-address"
        | "failed"
        | "no-associate-public-ip-address"
        | "terminated" => "boolean",
        option if option.ends_with("-enabled") => "boolean",
        "asset-bundle-import-source-bytes"
        | "data-file"
        | "document-content"
        | "image-bytes"
        | "source-image-bytes"
        | "target-image-bytes"
        | "zip-file" => "blob",
        "github-location" | "recording-group" | "s3-location" => "structure",
        _ => "string",
    }
}

/// An option's own value where its words are not read by the member's shape.
pub fn value(reading: &Reading<'_>, words: &[String]) -> Result<Option<Value>, UsageError> {
    match (reading.service.command.as_str(), reading.command, reading.option) {
        ("datapipeline", "activate-pipeline" | "put-pipeline-definition", "--parameter-objects") => {
            custom::parameter_objects(&reading.texts(words.to_vec())?)
        }
        ("datapipeline", "activate-pipeline" | "put-pipeline-definition", "--parameter-values") => {
            custom::parameter_values(&reading.texts(words.to_vec())?)
        }
        ("emr", "add-tags", "--tags") => {
            let tag = |word: &String| {
                let (key, value) = word.split_once('=').unwrap_or((word, ""));
                map([("Key", text(key)), ("Value", text(value))])
            };
            Ok(Some(Value::List(words.iter().map(tag).collect())))
        }
        _ => Ok(None),
    }
}

/// Where a revision lies, its members in the order in which the official CLI sends them.
fn location(value: &Value, required: &[&str], optional: &[&str], missing: &str) -> Result<Value, UsageError> {
    if required.iter().any(|name| value.get(name).is_none()) {
        return Err(UsageError::parameter(missing));
    }
    let members = required.iter().chain(optional);
    let members = members.filter_map(|name| Some(((*name).to_owned(), value.get(name)?.clone())));
    Ok(Value::Map(members.collect()))
}

/// An option of the CLI's own as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Its name, without dashes.
    pub name: String,
    /// Its words; that of a file has become the file's text.
    pub words: Vec<String>,
    /// The content of the file that it named with `fileb://`.
    pub bytes: Option<Bytes>,
}

impl Given {
    fn word(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    /// A blob's value: bytes, or text that stands for some.
    fn blob(&self) -> Value {
        match &self.bytes {
            Some(bytes) => Value::Bytes(bytes.to_vec()),
            None => text(self.word()),
        }
    }
}

/// Applies the CLI's own options, in order.
pub fn apply(
    service: &Service,
    operation: &Operation,
    options: &[Given],
    parameters: &mut Map,
) -> Result<(), UsageError> {
    let given = |name: &str| options.iter().any(|option| option.name == name);
    check_together(service, operation, &given, parameters)?;
    for given in options {
        let (option, words) = (&given.name, &given.words);
        let word = given.word();
        let at = Place { service, operation, option };
        match (service.command.as_str(), operation.command.as_str(), option.as_str()) {
            ("cloudfront", "create-distribution", _) => distribution(option, word, parameters),
            // It needs what the service knows.
            ("cloudfront", "update-distribution", _) => {}
            ("cloudfront", "create-invalidation", "paths") => {
                let items = Value::List(words.iter().map(|word| text(word)).collect());
                let quantity = Value::Int(i64::try_from(words.len()).unwrap_or(i64::MAX));
                let paths = map([("Quantity", quantity), ("Items", items)]);
                let batch = map([("CallerReference", Value::Str(caller_reference("cli"))), ("Paths", paths)]);
                parameters.insert("InvalidationBatch".to_owned(), batch);
            }
            ("cloudsearch", "define-expression", "expression") => {
                set(parameters, &["Expression", "ExpressionValue"], text(word))
            }
            ("cloudsearch", "define-expression", "name") => {
                set(parameters, &["Expression", "ExpressionName"], text(word))
            }
            ("cloudsearch", "define-index-field", _) => index_field(option, word, parameters)?,
            ("cloudwatch", "put-metric-data", _) => {
                let (member, value) = metric(option, word)?;
                first(parameters, "MetricData").insert(member.to_owned(), value);
            }
            ("configservice", "put-configuration-recorder", "recording-group") => {
                let value = at.read(&["ConfigurationRecorder", "recordingGroup"], word)?;
                set(parameters, &["ConfigurationRecorder", "recordingGroup"], value);
            }
            ("datapipeline", _, _) => custom::apply_definition(option, words, parameters)?,
            ("deploy", _, "s3-location") => {
                let value = at.read(&["revision", "s3Location"], word)?;
                let missing = "--s3-location must specify bucket, key and bundleType.";
                let value =
                    location(&value, &["bucket", "key", "bundleType"], &["eTag", "version"], missing)?;
                let revision = map([("revisionType", text("S3")), ("s3Location", value)]);
                parameters.insert("revision".to_owned(), revision);
            }
            ("deploy", _, "github-location") => {
                let value = at.read(&["revision", "gitHubLocation"], word)?;
                let missing = "--github-location must specify repository and commitId.";
                let value = location(&value, &["repository", "commitId"], &[], missing)?;
                let revision = map([("revisionType", text("GitHub")), ("gitHubLocation", value)]);
                parameters.insert("revision".to_owned(), revision);
            }
            ("ec2", "bundle-instance", _) if word.is_empty() => {}
            ("ec2", "bundle-instance", _) => {
                let member = match option.as_str() {
                    "bucket" => "Bucket",
                    "prefix" => "Prefix",
                    "owner-akid" => "AWSAccessKeyId",
                    "owner-sak" => OWNER_KEY,
                    _ => "UploadPolicy",
                };
                set(parameters, &["Storage", "S3", member], text(word));
            }
            ("ec2", "get-password-data", _) => {
                return Err(UsageError::refused(
                    "--priv-launch-key is not available here: a private key does not belong where others see it.",
                ));
            }
            ("ecs", _, option) if MONITOR.contains(&option) => {
                let message = format!(
                    "--{option} is not available here: it needs a terminal; use `aws ecs describe-express-gateway-service`."
                );
                return Err(UsageError::refused(&message));
            }
            // They say where parts of the result are kept.
            ("iam", "create-virtual-mfa-device", _) | ("iot", _, _) => {}
            ("ec2", "run-instances", _) => run_instances(option, words, parameters)?,
            ("ec2", command, _) if command.contains("-security-group-") => {
                permission(option, word, parameters)?
            }
            ("emr", "list-clusters", _) => {
                let states: &[&str] = match option.as_str() {
                    "active" => &["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING", "TERMINATING"],
                    "terminated" => &["TERMINATED"],
                    _ => &["TERMINATED_WITH_ERRORS"],
                };
                let states = Value::List(states.iter().map(|state| text(state)).collect());
                parameters.insert("ClusterStates".to_owned(), states);
            }
            ("quicksight", _, "asset-bundle-import-source-bytes") => {
                set(parameters, &["AssetBundleImportSource", "Body"], given.blob());
            }
            ("rekognition", _, "image-bytes") => set(parameters, &["Image", "Bytes"], given.blob()),
            ("rekognition", _, "source-image-bytes") => {
                set(parameters, &["SourceImage", "Bytes"], given.blob())
            }
            ("rekognition", _, "target-image-bytes") => {
                set(parameters, &["TargetImage", "Bytes"], given.blob())
            }
            ("ses", "send-email", _) => {
                let list = || Value::List(words.iter().map(|word| text(word)).collect());
                match option.as_str() {
                    "to" => set(parameters, &["Destination", "ToAddresses"], list()),
                    "cc" => set(parameters, &["Destination", "CcAddresses"], list()),
                    "bcc" => set(parameters, &["Destination", "BccAddresses"], list()),
                    "subject" => set(parameters, &["Message", "Subject", "Data"], text(word)),
                    "text" => set(parameters, &["Message", "Body", "Text", "Data"], text(word)),
                    _ => set(parameters, &["Message", "Body", "Html", "Data"], text(word)),
                }
            }
            ("translate", "import-terminology", "data-file") => {
                set(parameters, &["TerminologyData", "File"], given.blob())
            }
            ("translate", "translate-document", "document-content") => {
                set(parameters, &["Document", "Content"], given.blob())
            }
            ("lambda", command, "zip-file") => {
                let content = given.blob();
                check(service, option, &content)?;
                let member = if command == "create-function" { "Code" } else { "Content" };
                set(parameters, &[member, "ZipFile"], content);
            }
            _ => {
                let message = format!(
                    "--{option} of {} {} is not available here yet.",
                    service.command, operation.command
                );
                return Err(UsageError::refused(&message));
            }
        }
    }
    Ok(())
}

/// A part of a result that is kept in a file of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outfile {
    /// The members that lead to it.
    pub path: &'static [&'static str],
    /// The file.
    pub file: String,
    /// What is taken out of the structure that it stands in, once it is kept.
    pub hides: &'static [&'static str],
}

const SEED: &str = "Base32StringSeed";
const QR_CODE: &str = "QRCodePNG";

/// What the options say about files for parts of the result.
pub fn outfiles(options: &[Given]) -> Vec<Outfile> {
    let by_code = options.iter().any(|option| option.name == "bootstrap-method" && option.word() == QR_CODE);
    let outfile = |option: &Given| {
        let (path, hides): (&[_], &[_]) = match option.name.as_str() {
            "certificate-pem-outfile" => (&["certificatePem"], &[]),
            "public-key-outfile" => (&["keyPair", "PublicKey"], &[]),
            "private-key-outfile" => (&["keyPair", "PrivateKey"], &[]),
            "outfile" if by_code => (&["VirtualMFADevice", QR_CODE], &[QR_CODE, SEED]),
            "outfile" => (&["VirtualMFADevice", SEED], &[QR_CODE, SEED]),
            _ => return None,
        };
        Some(Outfile { path, file: option.word().to_owned(), hides })
    };
    options.iter().filter_map(outfile).collect()
}

/// What the word of an option must be one of. Empty if anything will do.
pub fn choices(option: &str) -> &'static [&'static str] {
    if option == "bootstrap-method" { &[QR_CODE, SEED] } else { &[] }
}

/// Options that would show on a terminal how a service comes up. They may stand without a word.
pub const MONITOR: [&str; 2] = ["monitor-resources", "monitor-mode"];

/// What `cloudfront update-distribution` is to change in the configuration that there is.
pub fn default_root_object(service: &Service, operation: &Operation, options: &[Given]) -> Option<String> {
    let changes =
        (service.command.as_str(), operation.command.as_str()) == ("cloudfront", "update-distribution");
    let option = options.iter().find(|option| option.name == "default-root-object").filter(|_| changes)?;
    Some(option.word().to_owned())
}

/// Refuses what is no zip file where one must be.
pub fn check(service: &Service, option: &str, content: &Value) -> Result<(), UsageError> {
    if (service.command.as_str(), option) != ("lambda", "zip-file") {
        return Ok(());
    }
    let content = match content {
        Value::Bytes(bytes) => bytes.as_slice(),
        Value::Str(text) => text.as_bytes(),
        _ => &[],
    };
    match crate::zip::is_zip(content) {
        true => Ok(()),
        false => Err(UsageError::parameter(
            "--zip-file must be a zip file with the fileb:// prefix.\nExample usage:  --zip-file fileb://path/to/file.zip",
        )),
    }
}

/// `--origin-domain-name` and `--default-root-object` of a new distribution, with what a distribution must have besides.
fn distribution(option: &str, word: &str, parameters: &mut Map) {
    let none = || map([("Quantity", Value::Int(0)), ("Items", Value::List(Vec::new()))]);
    let entry = parameters.entry("DistributionConfig".to_owned()).or_insert_with(|| {
        let cookies = map([("Forward", text("none"))]);
        let forwarded = map([("QueryString", Value::Bool(false)), ("Cookies", cookies)]);
        let signers = map([("Enabled", Value::Bool(false)), ("Quantity", Value::Int(0))]);
        let behavior = map([
            ("TargetOriginId", text("placeholder")),
            ("ForwardedValues", forwarded),
            ("TrustedSigners", signers),
            ("ViewerProtocolPolicy", text("allow-all")),
            ("MinTTL", Value::Int(0)),
        ]);
        map([
            ("CallerReference", Value::Str(caller_reference("cli"))),
            ("Origins", none()),
            ("DefaultCacheBehavior", behavior),
            ("Enabled", Value::Bool(true)),
            ("Comment", text("")),
        ])
    });
    let Value::Map(config) = entry else { return };
    if option == "default-root-object" {
        config.insert("DefaultRootObject".to_owned(), text(word));
        return;
    }
    let id = caller_reference(word);
    let mut origin: Map = [("Id", text(&id)), ("DomainName", text(word)), ("OriginPath", text(""))]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    let (member, settings) = if word.ends_with(".s3.amazonaws.com") {
        ("S3OriginConfig", map([("OriginAccessIdentity", text(""))]))
    } else {
        let ports = [("HTTPPort", Value::Int(80)), ("HTTPSPort", Value::Int(443))];
        let [http, https] = ports;
        ("CustomOriginConfig", map([http, https, ("OriginProtocolPolicy", text("http-only"))]))
    };
    origin.insert(member.to_owned(), settings);
    let origins = map([("Quantity", Value::Int(1)), ("Items", Value::List(vec![Value::Map(origin)]))]);
    config.insert("Origins".to_owned(), origins);
    set(config, &["DefaultCacheBehavior", "TargetOriginId"], Value::Str(id));
}

/// The options of `cloudsearch define-index-field`, which go into the structure of the field's type.
fn index_field(option: &str, word: &str, parameters: &mut Map) -> Result<(), UsageError> {
    let member = match option {
        "name" | "type" => {
            let member = if option == "name" { "IndexFieldName" } else { "IndexFieldType" };
            set(parameters, &["IndexField", member], text(word));
            return Ok(());
        }
        "default-value" => "DefaultValue",
        "facet-enabled" => "FacetEnabled",
        "search-enabled" => "SearchEnabled",
        "return-enabled" => "ReturnEnabled",
        "sort-enabled" => "SortEnabled",
        "source-field" => "SourceField",
        "highlight-enabled" => "HighlightEnabled",
        _ => "AnalysisScheme",
    };
    let kind = parameters.get("IndexField").and_then(|field| field.get("IndexFieldType"));
    let kind = kind.and_then(Value::as_str).unwrap_or_default();
    let capital = |part: &str| {
        let mut letters = part.chars();
        letters
            .next()
            .map(|first| first.to_uppercase().chain(letters.flat_map(char::to_lowercase)).collect::<String>())
    };
    let kind: String = kind.split('-').filter_map(capital).collect();
    let kind = if kind == "Latlon" { "LatLon".to_owned() } else { kind };
    let value = match (member, kind.as_str()) {
        ("DefaultValue", "Int" | "IntArray") => python_int(&text(word))?,
        ("DefaultValue", "Double" | "DoubleArray") => python_float(&text(word))?,
        (member, _) if member.ends_with("Enabled") => Value::Bool(!word.eq_ignore_ascii_case("false")),
        _ => text(word),
    };
    set(parameters, &["IndexField", &format!("{kind}Options"), member], value);
    Ok(())
}

/// Where an option stands, for reading the value of a nested member.
struct Place<'a> {
    service: &'a Service,
    operation: &'a Operation,
    option: &'a str,
}

impl Place<'_> {
    /// Reads a word by the shape of a member inside the input.
    fn read(&self, path: &[&str], word: &str) -> Result<Value, UsageError> {
        let mut shape = self.operation.input;
        let mut found: Option<&Member> = None;
        for name in path {
            let Some(Kind::Structure(structure)) =
                shape.map(|shape| &self.service.shapes[shape as usize].kind)
            else {
                break;
            };
            found = structure.members.iter().find(|member| member.name == *name);
            shape = found.map(|member| member.shape);
        }
        let option = format!("--{}", self.option);
        // Its word has been loaded already.
        let reading = Reading {
            service: self.service,
            command: &self.operation.command,
            option: &option,
            files: &NO_FILES,
        };
        match found {
            Some(member) => reading.one(member, word),
            None => Ok(text(word)),
        }
    }
}

/// Refuses options that exclude each other.
fn check_together(
    service: &Service,
    operation: &Operation,
    given: &dyn Fn(&str) -> bool,
    parameters: &Map,
) -> Result<(), UsageError> {
    let command = (service.command.as_str(), operation.command.as_str());
    match command {
        ("ec2", name) if name.contains("-security-group-") && parameters.contains_key("IpPermissions") => {
            for option in ["protocol", "port", "cidr", "source-group", "group-owner"] {
                if given(option) {
                    return Err(UsageError::parameter(&format!(
                        "The --{option} option is not compatible with the --ip-permissions option"
                    )));
                }
            }
        }
        ("ec2", "run-instances") if parameters.contains_key("NetworkInterfaces") => {
            let simple = [
                "secondary-private-ip-addresses",
                "secondary-private-ip-address-count",
                "associate-public-ip-address",
            ];
            if simple.iter().any(|option| given(option)) {
                return Err(UsageError::parameter(
                    "Mixing the --network-interfaces option with the simple, scalar options is not supported.",
                ));
            }
        }
        ("ec2", "run-instances")
            if given("associate-public-ip-address") && given("no-associate-public-ip-address") =>
        {
            return Err(UsageError::parameter(
                "Cannot specify both the \"--associate-public-ip-address\" option and the \
                 \"--no-associate-public-ip-address\" option.",
            ));
        }
        ("emr", "list-clusters") => {
            let states = ["active", "terminated", "failed"].iter().filter(|option| given(option)).count();
            if states + usize::from(parameters.contains_key("ClusterStates")) > 1 {
                return Err(UsageError::parameter(
                    "You can specify only one of the cluster state filters: --cluster-states, --active, --terminated, --failed.",
                ));
            }
        }
        ("cloudfront", "create-distribution") if parameters.contains_key("DistributionConfig") => {
            exclusive(given, &["origin-domain-name", "default-root-object"], "distribution_config")?;
        }
        ("cloudfront", "update-distribution") if parameters.contains_key("DistributionConfig") => {
            exclusive(given, &["default-root-object"], "distribution_config")?;
        }
        ("cloudfront", "create-invalidation") if parameters.contains_key("InvalidationBatch") => {
            exclusive(given, &["paths"], "invalidation_batch")?;
        }
        ("ec2", "bundle-instance")
            if parameters.contains_key("Storage")
                && ["bucket", "prefix", "owner-akid", "owner-sak", "policy"]
                    .iter()
                    .any(|option| given(option)) =>
        {
            return Err(UsageError::parameter(
                "Mixing the --storage option with the simple, scalar options is not recommended.",
            ));
        }
        ("cloudwatch", "put-metric-data") if parameters.contains_key("MetricData") => {
            exclusive(given, &METRIC_OPTIONS, "metric_data")?;
        }
        ("ses", "send-email") => {
            if parameters.contains_key("Destination") {
                exclusive(given, &["to", "cc", "bcc"], "destination")?;
            }
            if parameters.contains_key("Message") {
                exclusive(given, &["subject", "text", "html"], "message")?;
            }
        }
        ("lambda", "create-function" | "publish-layer-version") => {
            for (member, option) in [("Code", "--code"), ("Content", "--content")] {
                if parameters.get(member).is_some_and(|value| value.get("ZipFile").is_some()) {
                    return Err(UsageError::parameter(&format!(
                        "ZipFile cannot be provided as part of the {option} argument.  Please use the '--zip-file' option \
                         instead to specify a zip file."
                    )));
                }
            }
        }
        _ => {}
    }
    Ok(())
}

fn exclusive(given: &dyn Fn(&str) -> bool, options: &[&str], other: &str) -> Result<(), UsageError> {
    match options.iter().find(|option| given(option)) {
        Some(option) => Err(UsageError::parameter(&format!(
            "The key \"{}\" cannot be specified when one of the following keys are also specified: {other}",
            option.replace('-', "_")
        ))),
        None => Ok(()),
    }
}

const METRIC_OPTIONS: [&str; 7] =
    ["metric-name", "timestamp", "unit", "value", "dimensions", "statistic-values", "storage-resolution"];

/// One member of the only metric of `put-metric-data`.
fn metric(option: &str, word: &str) -> Result<(&'static str, Value), UsageError> {
    let number = |word: &str| {
        let message = || UsageError::general("[<class 'decimal.ConversionSyntax'>]".to_owned());
        float(word).map(Value::Float).ok_or_else(message)
    };
    let pairs = || {
        word.split(',').map(|pair| {
            let message = || UsageError::general(format!("not enough values to unpack in {pair}"));
            pair.split_once('=').ok_or_else(message)
        })
    };
    Ok(match option {
        "metric-name" => ("MetricName", text(word)),
        "timestamp" => ("Timestamp", text(word)),
        "unit" => ("Unit", text(word)),
        "value" => ("Value", number(word)?),
        "dimensions" => {
            let dimensions = pairs()
                .map(|pair| pair.map(|(name, value)| map([("Name", text(name)), ("Value", text(value))])));
            ("Dimensions", Value::List(dimensions.collect::<Result<_, _>>()?))
        }
        "statistic-values" => {
            let mut values = Map::new();
            for pair in pairs() {
                let (name, value) = pair?;
                values.insert(name.to_owned(), number(value)?);
            }
            ("StatisticValues", Value::Map(values))
        }
        _ => ("StorageResolution", int(word).unwrap_or_else(|| text(word))),
    })
}

/// Fills in what the CLI adds on its own, and refuses what it refuses.
pub fn complete(service: &Service, operation: &Operation, parameters: &mut Map) -> Result<(), UsageError> {
    match (service.command.as_str(), operation.command.as_str()) {
        ("ec2", "run-instances") => {
            for member in ["MaxCount", "MinCount"] {
                parameters.entry(member.to_owned()).or_insert(Value::Int(1));
            }
            describe_interface(parameters);
        }
        ("ec2", "create-network-acl-entry" | "replace-network-acl-entry") => {
            const NUMBERS: [(&str, &str); 4] = [("tcp", "6"), ("udp", "17"), ("icmp", "1"), ("all", "-1")];
            if let Some(Value::Str(protocol)) = parameters.get_mut("Protocol")
                && let Some((_, number)) = NUMBERS.iter().find(|(name, _)| *name == protocol.as_str())
            {
                *protocol = (*number).to_owned();
            }
        }
        ("s3api", _) => {
            if let Some(Value::Str(bucket)) = parameters.get("Bucket")
                && !is_bucket(bucket)
            {
                return Err(UsageError::parameter(&format!(
                    "Parameter validation failed:\nInvalid bucket name \"{bucket}\": Bucket name must match the regex \
                     \"^[a-zA-Z0-9.\\-_]{{1,255}}$\" or be an ARN matching the regex \
                     \"^arn:(aws).*:(s3|s3-object-lambda):[a-z\\-0-9]*:[0-9]{{12}}:accesspoint[/:][a-zA-Z0-9\\-.]{{1,63}}$|\
                     ^arn:(aws).*:s3-outposts:[a-z\\-0-9]+:[0-9]{{12}}:outpost[/:][a-zA-Z0-9\\-]{{1,63}}[/:]accesspoint\
                     [/:][a-zA-Z0-9\\-]{{1,63}}$\""
                )));
            }
        }
        _ => {}
    }
    Ok(())
}

fn text(word: &str) -> Value {
    Value::Str(word.to_owned())
}

fn map<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Map(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// Sets a member inside nested structures, which are made as needed.
fn set(parameters: &mut Map, path: &[&str], value: Value) {
    let Some((name, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        parameters.insert((*name).to_owned(), value);
        return;
    }
    let inner = parameters.entry((*name).to_owned()).or_insert_with(|| Value::Map(Map::new()));
    if !matches!(inner, Value::Map(_)) {
        *inner = Value::Map(Map::new());
    }
    if let Value::Map(inner) = inner {
        set(inner, rest, value);
    }
}

/// The first structure of a list, which is made as needed.
fn first<'a>(parameters: &'a mut Map, name: &str) -> &'a mut Map {
    let list = parameters.entry(name.to_owned()).or_insert_with(|| Value::List(Vec::new()));
    if !matches!(list, Value::List(items) if matches!(items.first(), Some(Value::Map(_)))) {
        *list = Value::List(vec![Value::Map(Map::new())]);
    }
    match list {
        Value::List(items) => match items.first_mut() {
            Some(Value::Map(map)) => map,
            _ => unreachable!("the line above puts a map there"),
        },
        _ => unreachable!("the line above puts a list there"),
    }
}

/// Tells one request from another, as the CLI does: by the time.
fn caller_reference(prefix: &str) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{prefix}-{}-{:06}", now.as_secs(), now.subsec_micros())
}
