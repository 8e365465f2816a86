//! The packed form of AWS's API models: what is left of one service's JSON files after documentation is taken out and
//! the command line's names are worked out. Field names are those of the JSON models.

mod compact;
mod frame;
mod packed;

use serde::{Deserialize, Serialize};

pub use self::frame::compress;
pub(crate) use self::frame::decompress;
pub use self::packed::Packed;
use crate::endpoint::RuleSet;

/// Index of a shape in [`Service::shapes`].
pub type ShapeId = u32;

/// One AWS service.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Service {
    /// The service's word on the command line, such as `s3api`.
    pub command: String,
    /// The folder of its model, which botocore calls the service name, such as `s3`.
    pub name: String,
    /// `serviceId`, such as `S3`.
    pub id: String,
    /// `serviceFullName`, shown in help.
    pub full_name: String,
    /// First label of the service's hosts.
    pub endpoint_prefix: String,
    /// The service's name in a signature's scope.
    pub signing_name: String,
    /// `apiVersion`, sent by the query protocols.
    pub api_version: String,
    /// The protocol on the wire, chosen among those that the service offers in botocore's order of preference.
    pub protocol: Protocol,
    /// `1.0` or `1.1` for the JSON protocol, empty otherwise.
    pub json_version: String,
    /// Prefix of `X-Amz-Target` for the JSON protocol.
    pub target_prefix: String,
    /// The namespace of XML requests.
    pub xml_namespace: String,
    /// `signatureVersion`: `v4`, `s3`, `s3v4`, `v2` or `bearer`.
    pub signature_version: String,
    /// Authentication schemes that the service offers, in order, such as `aws.auth#sigv4`.
    pub auth: Vec<String>,
    /// The service speaks JSON but names errors as its old query protocol did (header `x-amzn-query-error`).
    pub query_compatible: bool,
    /// `protocolSettings`/`checksumFormat` and the like that few services have, as JSON text. Empty if none.
    pub settings: String,
    /// All shapes, referred to by index.
    pub shapes: Packed<Shape>,
    /// The shapes that are errors, in the model's order.
    pub exceptions: Vec<ShapeId>,
    /// All operations, in the model's order.
    pub operations: Packed<Operation>,
    /// The rules that give an endpoint's URL and authentication scheme.
    pub rules: RuleSet,
    /// `clientContextParams` of the model: name and type, for the rules' parameters.
    pub client_context: Vec<String>,
    /// `wait` sub-commands.
    pub waiters: Vec<Waiter>,
}

impl Operation {
    /// The members of the input.
    pub fn input_members<'a>(&self, service: &'a Service) -> &'a [Member] {
        match self.input.map(|id| &service.shapes[id as usize].kind) {
            Some(Kind::Structure(structure)) => &structure.members,
            _ => &[],
        }
    }

    /// Whether the whole input may be given at once, by `--cli-input-json` and its like. Commands that must be told a file
    /// to write have no such options.
    pub fn takes_whole_input(&self) -> bool {
        !self.arguments.iter().any(|argument| argument.name == "outfile")
    }

    /// The member of the input whose content is streamed, and so read from a file.
    pub fn streamed_member<'a>(&self, service: &'a Service) -> Option<&'a Member> {
        self.input_members(service).iter().find(|member| {
            member.streaming
                || matches!(service.shapes[member.shape as usize].kind, Kind::Blob { streaming: true, .. })
        })
    }
}

impl Service {
    /// The words of the operations that the CLI offers. None of the operations is decoded for them.
    pub fn commands(&self) -> impl Iterator<Item = &str> {
        self.heads().map(|(_, command, _)| command).filter(|command| !command.is_empty())
    }

    /// The place of the operation that has this word on the command line.
    pub fn position_of_command(&self, word: &str) -> Option<usize> {
        self.heads().find(|(_, command, _)| !command.is_empty() && *command == word).map(|(at, ..)| at)
    }

    /// The operation that has this word on the command line.
    pub fn operation_of_command(&self, word: &str) -> Option<&Operation> {
        self.operations.get(self.position_of_command(word)?)
    }

    /// The operation of this name in the API.
    pub fn operation_named(&self, name: &str) -> Option<&Operation> {
        let (at, ..) = self.heads().find(|(.., known)| *known == name)?;
        self.operations.get(at)
    }

    /// The place of each operation, its word on the command line, and its name.
    fn heads(&self) -> impl Iterator<Item = (usize, &str, &str)> {
        let heads = self.operations.heads::<(&str, &str)>().enumerate();
        heads.filter_map(|(at, head)| head.map(|(command, name)| (at, command, name)))
    }
}

/// A wire protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Protocol {
    /// AWS JSON 1.0 and 1.1.
    #[default]
    Json,
    /// REST with JSON bodies.
    RestJson,
    /// REST with XML bodies.
    RestXml,
    /// Form-encoded requests, XML responses.
    Query,
    /// EC2's variant of the query protocol.
    Ec2,
    /// Smithy RPC v2 with CBOR bodies.
    Cbor,
}

/// One API operation. The words that it is found by come first, since they are read without the rest.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Operation {
    /// Its word on the command line, such as `describe-instances`. Empty if the CLI does not offer it.
    pub command: String,
    /// Its name in the API, such as `DescribeInstances`.
    pub name: String,
    /// HTTP method.
    pub method: String,
    /// `requestUri`: path template with `{Member}` and `{Member+}` labels, and fixed query parameters.
    pub uri: String,
    /// The structure of its parameters.
    pub input: Option<ShapeId>,
    /// `locationName` of the input reference: root element of rest-xml bodies.
    pub input_name: String,
    /// `xmlNamespace` of the input reference.
    pub input_namespace: String,
    /// The structure of its result.
    pub output: Option<ShapeId>,
    /// `resultWrapper`: the element that holds a query protocol's result.
    pub result_wrapper: String,
    /// Structures of its modeled errors.
    pub errors: Vec<ShapeId>,
    /// `endpoint.hostPrefix`, with `{Member}` labels.
    pub host_prefix: String,
    /// `authtype`: empty, `none` or `v4-unsigned-body`.
    pub authtype: String,
    /// `auth`: schemes that override the service's.
    pub auth: Vec<String>,
    /// `unsignedPayload`.
    pub unsigned_payload: bool,
    /// `httpChecksumRequired` or `httpChecksum.requestChecksumRequired`.
    pub checksum_required: bool,
    /// `httpChecksum.requestAlgorithmMember`.
    pub checksum_algorithm_member: String,
    /// `httpChecksum.requestValidationModeMember`.
    pub checksum_validation_member: String,
    /// `staticContextParams`: name and value for the endpoint rules.
    pub static_context: Vec<(String, ContextValue)>,
    /// `operationContextParams`: name and JMESPath over the input.
    pub operation_context: Vec<(String, String)>,
    /// The model says that the operation only reads.
    pub readonly: bool,
    /// The model says that doing it twice is doing it once.
    pub idempotent: bool,
    /// Shown as deprecated.
    pub deprecated: bool,
    /// How its results are paged, if they are.
    pub paginator: Option<Paginator>,
    /// The command's own options in the order in which the CLI adds them.
    pub arguments: Vec<Argument>,
    /// Endpoint discovery: 0 none, 1 offered, 2 required.
    pub endpoint_discovery: u8,
    /// `requestcompression.encodings`.
    pub compression: Vec<String>,
}

/// A fixed value for an endpoint rule's parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each variant is the JSON type of its name")]
pub enum ContextValue {
    Bool(bool),
    Str(String),
    List(Vec<String>),
}

/// One option of an operation, after renames and other customizations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Argument {
    /// Without the leading dashes.
    pub name: String,
    /// Index of the top-level input member that it sets, or, for a paging option, that it hides while results are
    /// paged. [`NO_MEMBER`] if there is none.
    pub member: u32,
    /// Must be given (unless the input comes as JSON).
    pub required: bool,
    /// Accepted but not listed.
    pub hidden: bool,
    /// What kind of option it is.
    pub kind: ArgumentKind,
}

impl Argument {
    /// Whether a command line must hold it. The official CLI's own table does not say so of each file for a result, but its
    /// parser asks for all of them.
    pub fn is_required(&self) -> bool {
        self.required || self.kind == ArgumentKind::Outfile
    }
}

/// [`Argument::member`] of an option without a member.
pub const NO_MEMBER: u32 = u32::MAX;

/// How an option is written and what it sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ArgumentKind {
    /// `--name value…`: the member's value.
    Value,
    /// `--name`: true. Its partner is [`ArgumentKind::No`].
    Flag,
    /// `--no-name`: false.
    No,
    /// EC2's `AttributeBooleanValue`: a flag, or a JSON value.
    WrappedFlag,
    /// `--no-name` of a wrapped flag.
    WrappedNo,
    /// `--starting-token`: where paging begins.
    StartingToken,
    /// `--page-size`: how many items a page has.
    PageSize,
    /// `--max-items`: how many items are shown at most.
    MaxItems,
    /// The one positional word of some commands: the file that a streamed result goes to.
    Outfile,
    /// An option of the CLI's own, one word. What it sets is the command's own business.
    Text,
    /// The same with one word or more.
    Texts,
    /// The same without a word.
    Switch,
}

/// A shape: a named type of the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shape {
    /// Its name in the model.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Its values are secrets.
    pub sensitive: bool,
}

/// Stands for a shape that cannot be decoded: without members, and secret to be on the safe side.
impl Default for Shape {
    fn default() -> Self {
        Self { name: String::new(), kind: Kind::Structure(Structure::default()), sensitive: true }
    }
}

/// What a shape is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the variants and fields are the model's types and traits")]
pub enum Kind {
    Structure(Structure),
    List { member: Member, flattened: bool, min: u32 },
    Map { key: Member, value: Member, flattened: bool },
    String { choices: Vec<String>, min: u32 },
    Integer { min: Option<i64> },
    Long { min: Option<i64> },
    Float { min: Option<f64> },
    Double { min: Option<f64> },
    Boolean,
    Timestamp { format: TimestampFormat },
    Blob { streaming: bool, requires_length: bool, min: u32 },
}

/// How a timestamp is written, if the model says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum TimestampFormat {
    /// As the protocol and location want.
    #[default]
    Default,
    /// ISO 8601 in UTC.
    Iso8601,
    /// HTTP dates.
    Rfc822,
    /// Seconds since 1970.
    Unix,
}

/// A structure's members and traits.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Structure {
    /// In the model's order, which is the order of output.
    pub members: Vec<Member>,
    /// The member that is the whole body: its index.
    pub payload: Option<u32>,
    /// At most one member may be set.
    pub union: bool,
    /// Free-form JSON.
    pub document: bool,
    /// A stream of events.
    pub event_stream: bool,
    /// One event of a stream.
    pub event: bool,
    /// Set for errors.
    pub exception: bool,
    /// `error.code`, if it differs from the shape's name. Empty otherwise.
    pub error_code: String,
    /// `error.httpStatusCode`, or 0.
    pub error_status: u16,
    /// The service calls the error retryable.
    pub retryable: bool,
    /// `locationName` of the structure: root element in rest-xml.
    pub location_name: String,
    /// `xmlNamespace` of the structure.
    pub namespace: XmlNamespace,
}

impl Structure {
    /// The members that must be given, in the order of the model's `required`, which is that of botocore's messages.
    pub fn required(&self) -> Vec<&Member> {
        let mut required: Vec<&Member> = self.members.iter().filter(|member| member.required).collect();
        required.sort_by_key(|member| member.required_place);
        required
    }
}

/// An XML namespace with its prefix. Empty if there is none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct XmlNamespace {
    /// Its URI.
    pub uri: String,
    /// Its prefix, usually empty.
    pub prefix: String,
}

/// A reference to a shape: a structure's member, a list's item, a map's key or value.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(from = "compact::CompactMember", into = "compact::CompactMember")]
pub struct Member {
    /// Its name in the structure; `member`, `key` or `value` otherwise.
    pub name: String,
    /// The shape it refers to.
    pub shape: ShapeId,
    /// The structure requires it.
    pub required: bool,
    /// Its place in the structure's list of required members, if that list has another order than the members. 0
    /// otherwise.
    pub required_place: u32,
    /// Where in an HTTP message it goes.
    pub location: Location,
    /// Its name on the wire, if it differs. Empty otherwise.
    pub location_name: String,
    /// EC2's own name on the wire. Empty if none.
    pub query_name: String,
    /// Written as an XML attribute.
    pub xml_attribute: bool,
    /// The namespace of its element.
    pub namespace: XmlNamespace,
    /// Filled with a UUID when not given.
    pub idempotency_token: bool,
    /// Holds JSON. That matters in headers only: see [`Member::is_json_header`].
    pub json_value: bool,
    /// Also written into the host.
    pub host_label: bool,
    /// Overrides the list's or map's own trait.
    pub flattened: bool,
    /// Overrides the timestamp's own format.
    pub timestamp_format: TimestampFormat,
    /// `contextParam.name`: the endpoint rule's parameter that it feeds. Empty if none.
    pub context_param: String,
    /// `eventpayload`.
    pub event_payload: bool,
    /// `eventheader`.
    pub event_header: bool,
    /// A streaming body.
    pub streaming: bool,
    /// Not listed in help.
    pub deprecated: bool,
}

impl Member {
    /// Whether the member is a header whose text is a JSON value in base64. In bodies such members are plain text.
    pub fn is_json_header(&self) -> bool {
        self.json_value && self.location == Location::Header
    }
}

/// Where a member goes in an HTTP message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the variants are the model's values")]
pub enum Location {
    #[default]
    Body,
    Uri,
    QueryString,
    Header,
    /// All headers with the prefix `location_name`.
    Headers,
    StatusCode,
}

/// How an operation's results are paged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Paginator {
    /// Members of the input that take the tokens.
    pub input_token: Vec<String>,
    /// JMESPath expressions over the output that give them.
    pub output_token: Vec<String>,
    /// JMESPath expressions over the output: what is collected over all pages.
    pub result_key: Vec<String>,
    /// The input's member for the page size. Empty if none.
    pub limit_key: String,
    /// JMESPath that is true while there is more. Empty if the token alone decides.
    pub more_results: String,
    /// JMESPath expressions taken from the first page.
    pub non_aggregate_keys: Vec<String>,
}

/// One `wait` sub-command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Waiter {
    /// Its word on the command line.
    pub command: String,
    /// Its name in the model.
    pub name: String,
    /// The operation it repeats: index in [`Service::operations`].
    pub operation: u32,
    /// Seconds between two calls.
    pub delay: u32,
    /// How many calls at most.
    pub max_attempts: u32,
    /// Its acceptors, as JSON text.
    pub acceptors: String,
}
