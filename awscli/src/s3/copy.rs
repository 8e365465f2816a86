//! From one object to another, inside S3: at once, or in parts if it is large. What belongs to the object goes with it, as
//! far as `--copy-props` says.

use super::client::{Client, Problem, Side, only, parameters, required, text, without};
use super::download::changed;
use super::parallel::in_order;
use super::request::{Wishes, completing};
use super::upload::{PART, in_parts, made_part, part_of, part_size};
use crate::serialize::percent_encode;
use crate::value::{Map, Value};

/// What a copy keeps of its source unless it is replaced.
const PROPERTIES: [&str; 7] = [
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Expires",
    "Metadata",
];

/// Parameters that only CopyObject has.
const OF_COPY_ONLY: [&str; 6] = [
    "CopySourceSSECustomerKey",
    "CopySourceSSECustomerAlgorithm",
    "MetadataDirective",
    "TaggingDirective",
    "AnnotationDirective",
    "IfNoneMatch",
];

/// Parameters that UploadPartCopy has as well.
const OF_PART: [&str; 5] = [
    "CopySourceSSECustomerKey",
    "CopySourceSSECustomerAlgorithm",
    "SSECustomerKey",
    "SSECustomerAlgorithm",
    "RequestPayer",
];

/// The tags that fit into a header, in bytes.
const MAX_TAGGING: usize = 2048;

/// What is copied, and where to.
pub struct Copy<'a> {
    /// Bucket and key of the source.
    pub source: (&'a str, &'a str),
    /// Bucket and key of the copy.
    pub target: (&'a str, &'a str),
    /// Known from a listing.
    pub size: u64,
    /// What S3 has said of the source.
    pub object: &'a Map,
    /// That is all there is to know of it, since it was asked about by itself.
    pub is_complete: bool,
    pub wishes: Wishes<'a>,
    /// Parameters of the copy.
    pub parameters: Map,
}

/// What has to be added to a copy when it is there.
#[derive(Default)]
struct Later {
    tags: Option<Value>,
    annotations: Vec<(String, Value)>,
}

impl Copy<'_> {
    /// Copies it.
    pub async fn run(mut self, client: &Client<'_>) -> Result<(), Problem> {
        let mut later = Later::default();
        if self.wishes.text("metadata-directive").is_none() {
            self.keep_properties(client, &mut later).await?;
        }
        let mut etag = text(self.object, "ETag").map(str::to_owned);
        if etag.is_none() {
            let head = client.call(Side::Source, "HeadObject", self.of_source(self.head())).await?;
            etag = text(&head, "ETag").map(str::to_owned);
        }
        let target = parameters([("Bucket", self.target.0), ("Key", self.target.1)]);
        let source = Value::Map(parameters([("Bucket", self.source.0), ("Key", self.source.1)]));
        if self.size < PART {
            let mut parameters = Map::from([("CopySource".to_owned(), source)]);
            parameters.extend(target);
            parameters.extend(self.parameters);
            client.call(Side::Target, "CopyObject", parameters).await?;
            return Ok(());
        }
        let result = self.in_parts(client, &target, &source, etag).await?;
        self.add_later(client, &target, &result, later).await
    }

    async fn in_parts(
        &self,
        client: &Client<'_>,
        target: &Map,
        source: &Value,
        etag: Option<String>,
    ) -> Result<Map, Problem> {
        let size = self.size;
        let part_size = part_size(size);
        let of_part = only(&self.parameters, &OF_PART);
        let checksum = text(&self.parameters, "ChecksumAlgorithm");
        let checksum = checksum.map(|algorithm| format!("Checksum{}", algorithm.to_uppercase()));
        let copy = async |id: String| {
            let part = async |index: u64| {
                let start = index * part_size;
                let last = size.min(start + part_size) - 1;
                let number = i64::try_from(index).unwrap_or(i64::MAX).saturating_add(1);
                let mut parameters = Map::from([("CopySource".to_owned(), source.clone())]);
                parameters.extend(part_of(target, &id, number));
                parameters.extend(of_part.clone());
                parameters.insert("CopySourceRange".to_owned(), Value::Str(format!("bytes={start}-{last}")));
                parameters
                    .extend(etag.clone().map(|etag| ("CopySourceIfMatch".to_owned(), Value::Str(etag))));
                let result = client.call(Side::Target, "UploadPartCopy", parameters).await;
                let result = result.map_err(|problem| changed(problem, self.source.0, self.source.1))?;
                let Some(Value::Map(result)) = result.get("CopyPartResult") else {
                    return Err(Problem::Said("'CopyPartResult'".to_owned()));
                };
                made_part(result, number, checksum.as_deref())
            };
            let mut parts = Vec::new();
            in_order((0..size.div_ceil(part_size)).map(part), |made| parts.push(made)).await?;
            Ok(parts)
        };
        let created = without(&self.parameters, &OF_COPY_ONLY);
        in_parts(client, target, created, completing(&self.parameters), copy).await
    }

    /// The parameters of a call about the source.
    fn of_source(&self, more: Map) -> Map {
        let mut asked = parameters([("Bucket", self.source.0), ("Key", self.source.1)]);
        asked.extend(more);
        asked
    }

    /// HeadObject's parameters, from those of the copy.
    fn head(&self) -> Map {
        let names = [
            ("CopySourceSSECustomerKey", "SSECustomerKey"),
            ("CopySourceSSECustomerAlgorithm", "SSECustomerAlgorithm"),
            ("RequestPayer", "RequestPayer"),
        ];
        let renamed = self.parameters.iter().filter_map(|(name, value)| {
            let (_, other) = names.iter().find(|(known, _)| known == name)?;
            Some(((*other).to_owned(), value.clone()))
        });
        renamed.collect()
    }

    fn set(&mut self, member: &str, value: &str) {
        self.parameters.insert(member.to_owned(), Value::Str(value.to_owned()));
    }

    /// Sees to what is copied besides the content. S3 does so by itself, but not for parts.
    async fn keep_properties(&mut self, client: &Client<'_>, later: &mut Later) -> Result<(), Problem> {
        let wish = self.wishes.text("copy-props").unwrap_or("default").to_owned();
        let is_large = self.size >= PART;
        if wish == "none" {
            self.set("MetadataDirective", "REPLACE");
        } else {
            let replaced = self.parameters.keys().any(|name| PROPERTIES.contains(&name.as_str()));
            if !is_large && replaced {
                self.set("MetadataDirective", "REPLACE");
            }
            if is_large || replaced {
                self.take_properties(client).await?;
            }
        }
        match wish.as_str() {
            "none" | "metadata-directive" => self.set("TaggingDirective", "REPLACE"),
            _ if is_large => self.take_tags(client, later).await?,
            _ => {}
        }
        match wish.as_str() {
            "all" if is_large => later.annotations = self.annotations(client).await?,
            "all" => {}
            _ => self.set("AnnotationDirective", "EXCLUDE"),
        }
        Ok(())
    }

    async fn take_properties(&mut self, client: &Client<'_>) -> Result<(), Problem> {
        let asked;
        let head = if self.is_complete {
            self.object
        } else {
            let parameters = self.of_source(self.wishes.head_of_copy());
            asked = client.call(Side::Source, "HeadObject", parameters).await?;
            &asked
        };
        for name in PROPERTIES {
            if let Some(value) = head.get(name) {
                self.parameters.entry(name.to_owned()).or_insert_with(|| value.clone());
            }
        }
        Ok(())
    }

    async fn take_tags(&mut self, client: &Client<'_>, later: &mut Later) -> Result<(), Problem> {
        let parameters = self.of_source(self.wishes.payer());
        let mut result = client.call(Side::Source, "GetObjectTagging", parameters).await?;
        let Some(Value::List(tags)) = result.shift_remove("TagSet") else { return Ok(()) };
        if tags.is_empty() {
            return Ok(());
        }
        let part =
            |tag: &Value, name| percent_encode(tag.get(name).and_then(Value::as_str).unwrap_or_default(), "");
        let header: Vec<String> =
            tags.iter().map(|tag| format!("{}={}", part(tag, "Key"), part(tag, "Value"))).collect();
        let header = header.join("&");
        if header.len() <= MAX_TAGGING {
            self.set("Tagging", &header);
        } else {
            later.tags = Some(Value::List(tags));
        }
        Ok(())
    }

    /// All annotations of the source and what they say.
    async fn annotations(&self, client: &Client<'_>) -> Result<Vec<(String, Value)>, Problem> {
        let version = text(self.object, "VersionId").filter(|_| self.is_complete);
        let version = version.map(|version| ("VersionId".to_owned(), Value::Str(version.to_owned())));
        let mut names = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let mut asked = self.of_source(self.wishes.payer());
            asked.extend(version.clone());
            asked.extend(token.map(|token| ("ContinuationToken".to_owned(), Value::Str(token))));
            let page = client.call(Side::Source, "ListObjectAnnotations", asked).await?;
            if let Some(Value::List(annotations)) = page.get("Annotations") {
                let name = |one: &Value| one.get("AnnotationName").and_then(Value::as_str).map(str::to_owned);
                names.extend(annotations.iter().filter_map(name));
            }
            token = text(&page, "NextContinuationToken").filter(|token| !token.is_empty()).map(str::to_owned);
            if token.is_none() {
                break;
            }
        }
        let mut annotations = Vec::new();
        for name in names {
            let mut asked = self.of_source(Map::new());
            asked.insert("AnnotationName".to_owned(), Value::Str(name.clone()));
            asked.extend(self.wishes.payer());
            asked.extend(version.clone());
            let mut result = client.call(Side::Source, "GetObjectAnnotation", asked).await?;
            let payload = result.shift_remove("AnnotationPayload").unwrap_or(Value::Bytes(Vec::new()));
            annotations.push((name, payload));
        }
        Ok(annotations)
    }

    /// Adds what could not be copied with the parts.
    async fn add_later(
        &self,
        client: &Client<'_>,
        target: &Map,
        result: &Map,
        later: Later,
    ) -> Result<(), Problem> {
        if let Some(tags) = later.tags {
            let mut asked = target.clone();
            asked.insert("Tagging".to_owned(), Value::Map(Map::from([("TagSet".to_owned(), tags)])));
            asked.extend(self.wishes.payer());
            if let Err(problem) = client.call(Side::Target, "PutObjectTagging", asked).await {
                // A copy without its tags must not stay. That it may stay nevertheless is the smaller news.
                let mut asked = target.clone();
                asked.extend(self.wishes.payer());
                let _ = client.call(Side::Target, "DeleteObject", asked).await;
                return Err(problem);
            }
        }
        let (mut written, mut failed) = (Vec::new(), Vec::new());
        for (name, payload) in later.annotations {
            let mut asked = target.clone();
            asked.insert("AnnotationName".to_owned(), Value::Str(name.clone()));
            asked.insert("AnnotationPayload".to_owned(), payload);
            asked.extend(self.wishes.payer());
            for (from, to) in [("ETag", "ObjectIfMatch"), ("VersionId", "VersionId")] {
                if let Ok(value) = required(result, from) {
                    asked.insert(to.to_owned(), Value::Str(value));
                }
            }
            match client.call(Side::Target, "PutObjectAnnotation", asked).await {
                Ok(_) => written.push(name),
                Err(problem) if problem.ends_all() => return Err(problem),
                Err(problem) => failed.push(format!("{name}: {problem}")),
            }
        }
        if failed.is_empty() {
            return Ok(());
        }
        let written = if written.is_empty() { "(none)".to_owned() } else { written.join(", ") };
        Err(Problem::Said(format!(
            "Failed to copy all annotations to s3://{}/{}. The object was copied successfully and was not deleted. \
             Annotations written: {written}. Annotations that failed: {}.",
            self.target.0,
            self.target.1,
            failed.join("; ")
        )))
    }
}
