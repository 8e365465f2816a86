//! From a command's options to the parameters of requests.

use super::client::{Problem, only};
use crate::custom::Options;
use crate::value::{Map, Value};

/// What the options wish for in requests.
#[derive(Debug, Clone, Copy)]
pub struct Wishes<'a> {
    pub options: &'a Options,
    pub metadata: Option<&'a Map>,
    /// `--no-overwrite`, where it is the service that must see to it.
    pub no_overwrite: bool,
}

/// Options that are parameters of objects that are made, as they are.
const OF_OBJECTS: [(&str, &str); 9] = [
    ("acl", "ACL"),
    ("storage-class", "StorageClass"),
    ("website-redirect", "WebsiteRedirectLocation"),
    ("content-type", "ContentType"),
    ("cache-control", "CacheControl"),
    ("content-disposition", "ContentDisposition"),
    ("content-encoding", "ContentEncoding"),
    ("content-language", "ContentLanguage"),
    ("expires", "Expires"),
];

/// What `--grants` calls permissions.
const PERMISSIONS: [(&str, &str); 4] = [
    ("read", "GrantRead"),
    ("full", "GrantFullControl"),
    ("readacl", "GrantReadACP"),
    ("writeacl", "GrantWriteACP"),
];

/// Parameters about a customer's key that follow an upload through all its requests.
pub const CUSTOMER_KEY: [&str; 2] = ["SSECustomerKey", "SSECustomerAlgorithm"];

impl Wishes<'_> {
    /// The word of an option, if it says anything.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.options.text(name).filter(|text| !text.is_empty())
    }

    fn add(&self, parameters: &mut Map, option: &str, member: &str) {
        if let Some(text) = self.text(option) {
            parameters.insert(member.to_owned(), Value::Str(text.to_owned()));
        }
    }

    /// Of PutObject, and of what stands for it in parts.
    pub fn put(&self) -> Result<Map, Problem> {
        let mut parameters = self.of_object()?;
        self.add_metadata(&mut parameters);
        self.add_encryption(&mut parameters);
        self.add_key(&mut parameters, "sse-c", "SSECustomer");
        self.add_rest(&mut parameters);
        Ok(parameters)
    }

    /// Of CopyObject, and of what stands for it in parts.
    pub fn copy(&self) -> Result<Map, Problem> {
        let mut parameters = self.of_object()?;
        self.add(&mut parameters, "metadata-directive", "MetadataDirective");
        self.add_metadata(&mut parameters);
        if parameters.contains_key("Metadata") {
            let directive = || Value::Str("REPLACE".to_owned());
            parameters.entry("MetadataDirective".to_owned()).or_insert_with(directive);
        }
        self.add_encryption(&mut parameters);
        self.add_key(&mut parameters, "sse-c", "SSECustomer");
        self.add_key(&mut parameters, "sse-c-copy-source", "CopySourceSSECustomer");
        self.add_rest(&mut parameters);
        Ok(parameters)
    }

    /// Of GetObject, and of the HeadObject before it.
    pub fn get(&self) -> Map {
        let mut parameters = Map::new();
        self.add_key(&mut parameters, "sse-c", "SSECustomer");
        self.add(&mut parameters, "request-payer", "RequestPayer");
        self.add(&mut parameters, "checksum-mode", "ChecksumMode");
        parameters
    }

    /// Of the HeadObject of what is copied.
    pub fn head_of_copy(&self) -> Map {
        let mut parameters = Map::new();
        self.add_key(&mut parameters, "sse-c-copy-source", "SSECustomer");
        self.add(&mut parameters, "request-payer", "RequestPayer");
        parameters
    }

    /// Of all that has no other parameters.
    pub fn payer(&self) -> Map {
        let mut parameters = Map::new();
        self.add(&mut parameters, "request-payer", "RequestPayer");
        parameters
    }

    fn of_object(&self) -> Result<Map, Problem> {
        let mut parameters = Map::new();
        for (option, member) in OF_OBJECTS {
            self.add(&mut parameters, option, member);
        }
        for grant in self.options.texts("grants") {
            let Some((permission, grantee)) = grant.split_once('=') else {
                return Err(Problem::Said("grants should be of the form permission=principal".to_owned()));
            };
            let Some((_, member)) = PERMISSIONS.iter().find(|(name, _)| *name == permission) else {
                return Err(Problem::Said(
                    "permission must be one of: read|readacl|writeacl|full".to_owned(),
                ));
            };
            parameters.insert((*member).to_owned(), Value::Str(grantee.to_owned()));
        }
        Ok(parameters)
    }

    fn add_metadata(&self, parameters: &mut Map) {
        if let Some(metadata) = self.metadata.filter(|metadata| !metadata.is_empty()) {
            parameters.insert("Metadata".to_owned(), Value::Map(metadata.clone()));
        }
    }

    fn add_encryption(&self, parameters: &mut Map) {
        self.add(parameters, "sse", "ServerSideEncryption");
        self.add(parameters, "sse-kms-key-id", "SSEKMSKeyId");
    }

    fn add_key(&self, parameters: &mut Map, option: &str, prefix: &str) {
        let Some(algorithm) = self.text(option) else { return };
        parameters.insert(format!("{prefix}Algorithm"), Value::Str(algorithm.to_owned()));
        if let Some(given) = self.options.given(&format!("{option}-key")) {
            let key = match &given.bytes {
                Some(bytes) => Value::Bytes(bytes.to_vec()),
                None => Value::Str(given.words.first().cloned().unwrap_or_default()),
            };
            parameters.insert(format!("{prefix}Key"), key);
        }
    }

    fn add_rest(&self, parameters: &mut Map) {
        self.add(parameters, "request-payer", "RequestPayer");
        self.add(parameters, "checksum-algorithm", "ChecksumAlgorithm");
        if self.no_overwrite {
            parameters.insert("IfNoneMatch".to_owned(), Value::Str("*".to_owned()));
        }
    }
}

/// What CompleteMultipartUpload takes of an object's parameters.
pub fn completing(parameters: &Map) -> Map {
    let [key, algorithm] = CUSTOMER_KEY;
    only(parameters, &[key, algorithm, "RequestPayer", "IfNoneMatch"])
}
