//! How a member is written in the packed files. Most members have one or two of the traits there are, so those that a
//! member has are listed. That leaves a quarter less to decompress.

use serde::{Deserialize, Serialize};

use super::{Location, Member, ShapeId, TimestampFormat, XmlNamespace};

/// A [`Member`] in its packed form.
#[derive(Serialize, Deserialize)]
pub(super) struct CompactMember {
    name: String,
    shape: ShapeId,
    traits: Vec<Trait>,
}

#[derive(Serialize, Deserialize)]
enum Trait {
    Required,
    Location(Location),
    LocationName(String),
    /// The name on the wire is the member's own.
    SameLocationName,
    /// The name on the wire is the member's own but for a small letter at the start.
    SmallLocationName,
    QueryName(String),
    XmlAttribute,
    Namespace(XmlNamespace),
    IdempotencyToken,
    JsonValue,
    HostLabel,
    Flattened,
    TimestampFormat(TimestampFormat),
    ContextParam(String),
    EventPayload,
    EventHeader,
    Streaming,
    Deprecated,
    /// Required, with its place among the structure's required members.
    RequiredPlace(u32),
}

/// `InstanceId` as `instanceId`.
fn small(name: &str) -> String {
    let mut small = name.to_owned();
    if let Some(first) = small.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    small
}

impl From<CompactMember> for Member {
    fn from(CompactMember { name, shape, traits }: CompactMember) -> Self {
        let mut member = Member { name, shape, ..Member::default() };
        for one in traits {
            match one {
                Trait::Required => member.required = true,
                Trait::Location(location) => member.location = location,
                Trait::LocationName(name) => member.location_name = name,
                Trait::SameLocationName => member.location_name.clone_from(&member.name),
                Trait::SmallLocationName => member.location_name = small(&member.name),
                Trait::QueryName(name) => member.query_name = name,
                Trait::XmlAttribute => member.xml_attribute = true,
                Trait::Namespace(namespace) => member.namespace = namespace,
                Trait::IdempotencyToken => member.idempotency_token = true,
                Trait::JsonValue => member.json_value = true,
                Trait::HostLabel => member.host_label = true,
                Trait::Flattened => member.flattened = true,
                Trait::TimestampFormat(format) => member.timestamp_format = format,
                Trait::ContextParam(name) => member.context_param = name,
                Trait::EventPayload => member.event_payload = true,
                Trait::EventHeader => member.event_header = true,
                Trait::Streaming => member.streaming = true,
                Trait::Deprecated => member.deprecated = true,
                Trait::RequiredPlace(place) => (member.required, member.required_place) = (true, place),
            }
        }
        member
    }
}

impl From<Member> for CompactMember {
    fn from(member: Member) -> Self {
        // Field by field, so that a new one is not forgotten here.
        let Member {
            name,
            shape,
            required,
            required_place,
            location,
            location_name,
            query_name,
            xml_attribute,
            namespace,
            idempotency_token,
            json_value,
            host_label,
            flattened,
            timestamp_format,
            context_param,
            event_payload,
            event_header,
            streaming,
            deprecated,
        } = member;
        let location_name = if location_name == name {
            Trait::SameLocationName
        } else if location_name == small(&name) {
            Trait::SmallLocationName
        } else {
            Trait::LocationName(location_name)
        };
        let traits = [
            (required && required_place == 0, Trait::Required),
            (location != Location::default(), Trait::Location(location)),
            (!matches!(&location_name, Trait::LocationName(name) if name.is_empty()), location_name),
            (!query_name.is_empty(), Trait::QueryName(query_name)),
            (xml_attribute, Trait::XmlAttribute),
            (namespace != XmlNamespace::default(), Trait::Namespace(namespace)),
            (idempotency_token, Trait::IdempotencyToken),
            (json_value, Trait::JsonValue),
            (host_label, Trait::HostLabel),
            (flattened, Trait::Flattened),
            (timestamp_format != TimestampFormat::default(), Trait::TimestampFormat(timestamp_format)),
            (!context_param.is_empty(), Trait::ContextParam(context_param)),
            (event_payload, Trait::EventPayload),
            (event_header, Trait::EventHeader),
            (streaming, Trait::Streaming),
            (deprecated, Trait::Deprecated),
            (required_place > 0, Trait::RequiredPlace(required_place)),
        ];
        let traits = traits.into_iter().filter_map(|(has, one)| has.then_some(one)).collect();
        Self { name, shape, traits }
    }
}
