//! What a command is about: the files below a folder, the objects below a prefix, or the one that was named.

use std::collections::VecDeque;

use time::OffsetDateTime;

use super::client::{Client, Problem, Side, parameters};
use super::filter::Filter;
use super::path::{self, Kind, Place};
use super::report::Warning;
use crate::send::CallError;
use crate::value::{Map, Value};

/// What is done with something that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// From a file to S3.
    Upload,
    /// From S3 to a file.
    Download,
    /// Within S3.
    Copy,
    /// It is taken away.
    Delete,
}

impl Task {
    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Download => "download",
            Self::Copy => "copy",
            Self::Delete => "delete",
        }
    }
}

/// A file or object.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// `bucket/key`, or the absolute path of a file.
    pub from: String,
    /// Where it goes, in the same form.
    pub to: String,
    /// What both sides of a sync call it.
    pub name: String,
    /// It is in S3.
    pub in_s3: bool,
    /// Its size in bytes. Not known of an object that is only deleted or streamed.
    pub size: Option<u64>,
    /// When it was written. Known if the size is.
    pub modified: Option<OffsetDateTime>,
    /// What S3 says of it. Empty for a file.
    pub object: Map,
}

/// Finds on one side of a command what may have to be done, in the order of names.
pub struct Finder<'a> {
    client: &'a Client<'a>,
    side: Side,
    /// Where it looks, and where what it finds would go.
    places: (&'a Place, &'a Place),
    recursive: bool,
    /// `None` on the side of a sync that is only compared with.
    task: Option<Task>,
    filter: &'a Filter,
    page_size: Option<i64>,
    /// Parameters of HeadObject and ListObjectsV2.
    head: Map,
    list: Map,
    next: Next,
    ready: VecDeque<Found>,
}

/// What is looked at next.
enum Next {
    Beginning,
    Page(String),
    Nothing,
}

/// What a [`Finder`] needs besides the places.
pub struct Search<'a> {
    pub recursive: bool,
    pub task: Option<Task>,
    pub filter: &'a Filter,
    pub page_size: Option<i64>,
    pub head: Map,
    pub list: Map,
}

impl<'a> Finder<'a> {
    /// Looks at the first of `places`.
    pub fn new(
        client: &'a Client<'a>,
        side: Side,
        places: (&'a Place, &'a Place),
        search: Search<'a>,
    ) -> Self {
        let Search { recursive, task, filter, page_size, head, list } = search;
        Self {
            client,
            side,
            places,
            recursive,
            task,
            filter,
            page_size,
            head,
            list,
            next: Next::Beginning,
            ready: VecDeque::new(),
        }
    }

    /// What comes next. `warnings` takes what was wrong with what is left out.
    pub async fn next(&mut self, warnings: &mut Vec<Warning>) -> Result<Option<Found>, Problem> {
        loop {
            if let Some(found) = self.ready.pop_front() {
                return Ok(Some(found));
            }
            let token = match std::mem::replace(&mut self.next, Next::Nothing) {
                Next::Nothing => return Ok(None),
                Next::Page(token) => Some(token),
                Next::Beginning if !self.places.0.in_s3 => {
                    self.files(warnings);
                    continue;
                }
                Next::Beginning => None,
            };
            if !self.recursive && !path::split(&self.places.0.path).1.is_empty() {
                self.object().await?;
            } else {
                self.page(token).await?;
            }
        }
    }

    fn push(&mut self, from: String, size: Option<u64>, modified: Option<OffsetDateTime>, object: Map) {
        if !self.filter.lets(&from) {
            return;
        }
        let (here, there) = self.places;
        let name = if self.recursive {
            from.get(here.path.len()..).unwrap_or_default()
        } else {
            from.rsplit('/').next().unwrap_or_default()
        };
        let to = if there.keeps_names { format!("{}{name}", there.path) } else { there.path.clone() };
        let name = name.to_owned();
        self.ready.push_back(Found { from, to, name, in_s3: here.in_s3, size, modified, object });
    }

    fn files(&mut self, warnings: &mut Vec<Warning>) {
        let files = self.client.calls.session().files;
        let place = &self.places.0.path;
        if self.recursive {
            if path::kind(files, place.trim_end_matches('/')) == Kind::File {
                let text = format!("Skipping file {place}. File does not exist.");
                warnings.push(Warning::counted(&text));
                return;
            }
            for entry in files.list() {
                let from = format!("/{}", entry.path);
                if from.starts_with(place.as_str()) {
                    self.push(from, Some(entry.size), Some(entry.modified.into()), Map::new());
                }
            }
            return;
        }
        let entry =
            files.list().into_iter().find(|entry| place.strip_prefix('/') == Some(entry.path.as_str()));
        let (size, modified) = entry.map_or((0, self.client.calls.session().now()), |e| (e.size, e.modified));
        // A folder is found as well: what it is used for fails.
        self.push(place.clone(), Some(size), Some(modified.into()), Map::new());
    }

    /// The one object that was named.
    async fn object(&mut self) -> Result<(), Problem> {
        let place = self.places.0.path.clone();
        if self.task == Some(Task::Delete) {
            self.push(place, None, None, Map::new());
            return Ok(());
        }
        let (bucket, key) = path::split(&place);
        let mut asked = parameters([("Bucket", bucket), ("Key", key)]);
        asked.extend(self.head.clone());
        asked.entry("ChecksumMode".to_owned()).or_insert_with(|| Value::Str("ENABLED".to_owned()));
        let object = match self.client.call(self.side, "HeadObject", asked).await {
            Err(Problem::Call(CallError::Service { mut error, operation, retries }))
                if error.code == "404" =>
            {
                error.message = format!("Key \"{key}\" does not exist");
                return Err(CallError::Service { error, operation, retries }.into());
            }
            answer => answer?,
        };
        let size = size_of(&object, "ContentLength")?;
        let modified = time_of(&object)?;
        self.push(place, Some(size), Some(modified), object);
        Ok(())
    }

    /// One page of the objects below a prefix.
    async fn page(&mut self, token: Option<String>) -> Result<(), Problem> {
        let (bucket, prefix) = path::split(&self.places.0.path);
        let mut asked = parameters([("Bucket", bucket), ("Prefix", prefix)]);
        asked.extend(self.list.clone());
        asked.extend(self.page_size.map(|size| ("MaxKeys".to_owned(), Value::Int(size))));
        asked.extend(token.map(|token| ("ContinuationToken".to_owned(), Value::Str(token))));
        let mut page = self.client.call(self.side, "ListObjectsV2", asked).await?;
        if let Some(Value::Str(token)) = page.shift_remove("NextContinuationToken")
            && !token.is_empty()
        {
            self.next = Next::Page(token);
        }
        let objects = match page.shift_remove("Contents") {
            Some(Value::List(objects)) => objects,
            _ => Vec::new(),
        };
        for object in objects {
            let Value::Map(object) = object else { continue };
            let key = object.get("Key").and_then(Value::as_str).unwrap_or_default();
            let from = format!("{bucket}/{key}");
            let size = size_of(&object, "Size")?;
            let is_wanted = if size == 0 && from.ends_with('/') {
                // What stands for a folder can only be deleted.
                self.task == Some(Task::Delete)
            } else {
                self.recursive || from == self.places.0.path
            };
            if is_wanted {
                let modified = time_of(&object)?;
                self.push(from, Some(size), Some(modified), object);
            }
        }
        Ok(())
    }
}

fn size_of(object: &Map, member: &str) -> Result<u64, Problem> {
    match object.get(member) {
        Some(Value::Int(size)) => Ok(u64::try_from(*size).unwrap_or_default()),
        _ => Err(Problem::Said(format!("'{member}'"))),
    }
}

fn time_of(object: &Map) -> Result<OffsetDateTime, Problem> {
    match object.get("LastModified") {
        Some(Value::Timestamp(time)) => Ok(time.0),
        _ => Err(Problem::Said("'LastModified'".to_owned())),
    }
}
