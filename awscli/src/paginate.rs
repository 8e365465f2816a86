//! Automatic paging: the pages of an operation, read one after the other and merged as the official CLI merges them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::command::Paging;
use crate::command::validate::{Typed, mistakes};
use crate::model::{Kind, Operation, Paginator, Service};
use crate::parse::{MAX_VALUES, from_json_text};
use crate::query::Expression;
use crate::send::{CallError, Calls};
use crate::serialize::python_json;
use crate::value::{Map, Value};

/// Where in a page a resumed listing goes on: how many of its items were shown before.
const TRUNCATE_AMOUNT: &str = "boto_truncate_amount";
/// Paths of the values that are base64 inside a token.
const ENCODED_KEYS: &str = "boto_encoded_keys";

/// All pages as one result.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Paged {
    /// The merged result. `NextToken` in it resumes a listing that was cut.
    pub value: Map,
    /// Which limit cut it, if it was not the user's.
    pub truncated: Option<String>,
}

/// Reads all pages and merges them. The operation must have a paginator.
///
/// # Errors
/// When a call fails, as [`Calls::send`] says, or the token to start with is none.
pub async fn paginate(
    calls: &mut Calls<'_>,
    service: &Service,
    operation: &Operation,
    params: Map,
    region: Option<&str>,
    paging: &Paging,
) -> Result<Paged, CallError> {
    let mut pages = Pages::new(service, operation, params, paging)?;
    let mut result = Value::Map(Map::new());
    while let Some(page) = pages.next(calls, region).await? {
        pages.merge(&mut result, page)?;
    }
    let mut value = match result {
        Value::Map(map) => map,
        _ => Map::new(),
    };
    let mut first = Value::Map(std::mem::take(&mut pages.non_aggregate));
    for (path, _) in &pages.paths.result_key {
        // What has grown from page to page stays so, although the first page's may be named among the rest.
        if matches!(get_mut(&mut first, path), Some(Value::List(_))) {
            remove(&mut first, path);
        }
    }
    if let Value::Map(first) = first {
        merge_maps(&mut value, first);
    }
    if let Some(token) = pages.resume_token {
        value.insert("NextToken".to_owned(), Value::Str(token));
    }
    Ok(Paged { value, truncated: pages.truncated })
}

/// The pages of one operation.
pub(crate) struct Pages<'a> {
    service: &'a Service,
    operation: &'a Operation,
    paths: Paths,
    params: Map,
    max_items: Option<u64>,
    /// The token that the current page was asked with.
    token: Map,
    previous_token: Option<Map>,
    /// A token that was received twice.
    repeated_token: Option<Map>,
    /// How many items of the first page were shown before.
    skip: Option<usize>,
    items: u64,
    count: u32,
    /// How many values the pages have that were merged.
    kept: usize,
    ended: bool,
    /// The members that do not grow from page to page, taken from the first one.
    pub non_aggregate: Map,
    /// Resumes the listing where it was cut.
    pub resume_token: Option<String>,
    /// Which limit cut the listing, if it was not the user's.
    pub truncated: Option<String>,
}

/// The paginator's expressions.
struct Paths {
    input_token: Vec<String>,
    output_token: Vec<Expression>,
    result_key: Vec<(String, Expression)>,
    more_results: Option<Expression>,
    non_aggregate: Vec<(String, Expression)>,
}

impl Paths {
    fn new(paginator: &Paginator) -> Result<Self, CallError> {
        let parse = |text: &String| Expression::parse(text).map_err(CallError::Parameters);
        let named = |text: &String| Ok((text.clone(), parse(text)?));
        let more = Some(&paginator.more_results).filter(|text| !text.is_empty());
        Ok(Self {
            input_token: paginator.input_token.clone(),
            output_token: paginator.output_token.iter().map(parse).collect::<Result<_, _>>()?,
            result_key: paginator.result_key.iter().map(named).collect::<Result<_, CallError>>()?,
            more_results: more.map(parse).transpose()?,
            non_aggregate: paginator
                .non_aggregate_keys
                .iter()
                .map(named)
                .collect::<Result<_, CallError>>()?,
        })
    }
}

impl<'a> Pages<'a> {
    /// The pages of a call with `params`.
    pub fn new(
        service: &'a Service,
        operation: &'a Operation,
        mut params: Map,
        paging: &Paging,
    ) -> Result<Self, CallError> {
        let paginator = operation.paginator.as_ref().ok_or_else(|| {
            CallError::Parameters(format!("{} {} has no pages", service.command, operation.command))
        })?;
        let paths = Paths::new(paginator)?;
        let (mut token, mut skip) = (Map::new(), None);
        for key in &paths.input_token {
            token.insert(key.clone(), Value::Null);
        }
        if let Some(text) = &paging.starting_token {
            let (start, index) = starting_token(text, &paths.input_token)
                .ok_or_else(|| CallError::StartingToken(text.clone()))?;
            inject(&mut params, &start);
            (token, skip) = (start, Some(index));
        }
        if let Some(size) = paging.page_size {
            if paginator.limit_key.is_empty() {
                return Err(CallError::Parameters(
                    "Error during pagination: PageSize parameter is not supported for the pagination interface for \
                     this operation."
                        .to_owned(),
                ));
            }
            let size = if takes_text(service, operation, &paginator.limit_key) {
                Value::Str(size.to_string())
            } else {
                Value::Int(size)
            };
            params.insert(paginator.limit_key.clone(), size);
        }
        Ok(Self {
            service,
            operation,
            paths,
            params,
            max_items: paging.max_items.map(|items| u64::try_from(items).unwrap_or(0)),
            token,
            previous_token: None,
            repeated_token: None,
            skip,
            items: 0,
            count: 0,
            kept: 0,
            ended: false,
            non_aggregate: Map::new(),
            resume_token: None,
            truncated: None,
        })
    }

    /// Reads the next page. `None`: there is none, or a limit ends the listing here.
    pub async fn next(
        &mut self,
        calls: &mut Calls<'_>,
        region: Option<&str>,
    ) -> Result<Option<Value>, CallError> {
        if self.ended {
            return Ok(None);
        }
        if let Some(token) = self.repeated_token.take() {
            let text = crate::format::python_text(&Value::Map(token));
            return Err(CallError::Paging(format!("The same next token was received twice: {text}")));
        }
        if self.count > 0 && self.count >= calls.session().budget.pages {
            self.cut(format!("the limit of {} pages is reached", self.count));
            return Ok(None);
        }
        if self.kept >= MAX_VALUES {
            self.cut(format!("the limit of {MAX_VALUES} values is reached"));
            return Ok(None);
        }
        if self.token.values().any(|token| *token != Value::Null)
            && let Some(mistakes) =
                mistakes(self.service, self.operation.input, &self.params, &Typed::default())
        {
            return Err(CallError::Parameters(mistakes));
        }
        let sent = calls.send(self.service, self.operation, self.params.clone(), region).await;
        let mut page = match sent {
            Ok(response) => Value::Map(response.value),
            Err(CallError::Budget(reason)) if self.count > 0 => {
                self.cut(reason);
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        self.count += 1;
        let mut skipped = 0;
        if self.count == 1 {
            if let Some(skip) = self.skip {
                skipped = skip;
                self.skip_shown(&mut page, skip)?;
            }
            let mut first = Value::Map(Map::new());
            for (path, expression) in &self.paths.non_aggregate {
                set(&mut first, path, search(expression, &page)?);
            }
            if let Value::Map(first) = first {
                self.non_aggregate = first;
            }
        }
        let items = match self.paths.result_key.first() {
            Some((path, primary)) => match plain(path, &page) {
                Some(found) => length(found),
                None => length(&search(primary, &page)?),
            },
            None => 0,
        };
        if let Some(max) = self.max_items.filter(|max| self.items + items as u64 > *max) {
            let keep = (max - self.items) as usize;
            self.keep_first(&mut page, keep)?;
            let mut token = self.token.clone();
            token.insert(TRUNCATE_AMOUNT.to_owned(), Value::Int((keep + skipped) as i64));
            self.end_at(&token);
            return Ok(Some(page));
        }
        self.items += items as u64;
        let next = self.next_token(&page)?;
        if next.values().all(|token| *token == Value::Null) {
            self.ended = true;
        } else if self.max_items == Some(self.items) {
            self.end_at(&next);
        } else if self.previous_token.as_ref() == Some(&next) {
            // This page is still shown, and the error comes in place of the next one.
            self.repeated_token = Some(next);
        } else {
            inject(&mut self.params, &next);
            self.previous_token = Some(next.clone());
            self.token = next;
        }
        Ok(Some(page))
    }

    /// What formats that show each page by itself print of it. What does not grow is part of the first page only.
    pub fn shown(&self, mut page: Value) -> Result<Map, CallError> {
        let mut shown = Value::Map(if self.count == 1 { self.non_aggregate.clone() } else { Map::new() });
        for (path, expression) in &self.paths.result_key {
            set(&mut shown, path, self.take(path, expression, &mut page)?);
        }
        match shown {
            Value::Map(map) => Ok(map),
            _ => Ok(Map::new()),
        }
    }

    fn end_at(&mut self, token: &Map) {
        self.resume_token = Some(encode(token));
        self.ended = true;
    }

    fn cut(&mut self, reason: String) {
        let token = self.token.clone();
        self.end_at(&token);
        self.truncated = Some(reason);
    }

    /// Drops what was shown before a listing was cut: the first items of the page and everything in its other lists.
    fn skip_shown(&self, page: &mut Value, skip: usize) -> Result<(), CallError> {
        for (index, (path, expression)) in self.paths.result_key.iter().enumerate() {
            let value = search(expression, page)?;
            let rest = match value {
                Value::List(items) if index == 0 => Value::List(items.into_iter().skip(skip).collect()),
                Value::Str(text) if index == 0 => Value::Str(text.chars().skip(skip).collect()),
                Value::List(_) => Value::List(Vec::new()),
                Value::Str(_) => Value::Str(String::new()),
                Value::Int(_) | Value::Float(_) if index > 0 => Value::Int(0),
                _ => Value::Null,
            };
            set(page, path, rest);
        }
        Ok(())
    }

    fn keep_first(&self, page: &mut Value, keep: usize) -> Result<(), CallError> {
        if let Some((path, expression)) = self.paths.result_key.first() {
            let kept = match search(expression, page)? {
                Value::List(mut items) => {
                    items.truncate(keep);
                    Value::List(items)
                }
                Value::Str(text) => Value::Str(text.chars().take(keep).collect()),
                other => other,
            };
            set(page, path, kept);
        }
        Ok(())
    }

    fn next_token(&self, page: &Value) -> Result<Map, CallError> {
        if let Some(more) = &self.paths.more_results
            && is_false(&search(more, page)?)
        {
            return Ok(Map::new());
        }
        let mut next = Map::new();
        for (key, expression) in self.paths.input_token.iter().zip(&self.paths.output_token) {
            let token = search(expression, page)?;
            next.insert(key.clone(), if is_false(&token) { Value::Null } else { token });
        }
        Ok(next)
    }

    /// Adds a page to what the pages before it gave: lists grow, numbers add up, texts are joined.
    fn merge(&mut self, result: &mut Value, mut page: Value) -> Result<(), CallError> {
        for (path, expression) in &self.paths.result_key {
            let new = self.take(path, expression, &mut page)?;
            if new == Value::Null {
                continue;
            }
            self.kept += values(&new);
            // Result keys are plain paths in the models; whatever is none is computed anew from each page.
            match (get_mut(result, path), new) {
                (None | Some(Value::Null), new) => set(result, path, new),
                (Some(Value::List(items)), Value::List(new)) => items.extend(new),
                (Some(Value::Str(text)), Value::Str(new)) => text.push_str(&new),
                (Some(Value::Int(sum)), Value::Int(new)) => *sum = sum.saturating_add(new),
                (Some(Value::Float(sum)), Value::Float(new)) => *sum += new,
                (Some(Value::Int(sum)), Value::Float(new)) => {
                    let sum = *sum as f64 + new;
                    set(result, path, Value::Float(sum));
                }
                (Some(Value::Float(sum)), Value::Int(new)) => *sum += new as f64,
                _ => {}
            }
        }
        Ok(())
    }

    /// What a result key finds. It is moved out of the page where no other result key can find it, too, since pages may
    /// be large; else it is copied.
    fn take(&self, path: &str, expression: &Expression, page: &mut Value) -> Result<Value, CallError> {
        let meets = |other: &str| {
            let (shorter, longer) = if other.len() < path.len() { (other, path) } else { (path, other) };
            longer.strip_prefix(shorter).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let keys = || self.paths.result_key.iter().map(|(other, _)| other.as_str());
        let is_alone = keys().all(is_plain) && keys().filter(|other| meets(other)).count() == 1;
        match get_mut(page, path).filter(|_| is_alone) {
            Some(found) => Ok(std::mem::replace(found, Value::Null)),
            None => search(expression, page),
        }
    }
}

/// Whether a JMESPath expression is nothing but names with dots between them, which [`get_mut`] follows as well.
fn is_plain(path: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    let is_name = |name: &str| {
        name.bytes().next().is_some_and(is_letter)
            && name.bytes().all(|byte| is_letter(byte) || byte.is_ascii_digit())
    };
    path.split('.').all(is_name)
}

/// The value at a path that is plain, if there is one.
fn plain<'v>(path: &str, value: &'v Value) -> Option<&'v Value> {
    is_plain(path).then(|| path.split('.').try_fold(value, |value, key| value.get(key))).flatten()
}

fn search(expression: &Expression, value: &Value) -> Result<Value, CallError> {
    expression.search(value).map_err(|error| CallError::Paging(error.to_string()))
}

/// Whether Python takes a value for false.
fn is_false(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Int(number) => *number == 0,
        Value::Float(number) => *number == 0.0,
        Value::Str(text) => text.is_empty(),
        Value::Bytes(bytes) => bytes.is_empty(),
        Value::List(items) => items.is_empty(),
        Value::Map(map) => map.is_empty(),
        _ => false,
    }
}

/// How many values a value is, with all that are in it.
fn values(value: &Value) -> usize {
    match value {
        Value::List(items) => 1 + items.iter().map(values).sum::<usize>(),
        Value::Map(map) => 1 + map.values().map(values).sum::<usize>(),
        _ => 1,
    }
}

fn length(value: &Value) -> usize {
    match value {
        Value::List(items) => items.len(),
        Value::Str(text) => text.chars().count(),
        Value::Map(map) => map.len(),
        _ => 0,
    }
}

/// The value at a dotted path.
fn get_mut<'v>(value: &'v mut Value, path: &str) -> Option<&'v mut Value> {
    path.split('.').try_fold(value, |value, key| match value {
        Value::Map(map) => map.get_mut(key),
        _ => None,
    })
}

/// Takes away the value at a dotted path.
fn remove(target: &mut Value, path: &str) {
    let (above, key) = path.rsplit_once('.').unwrap_or(("", path));
    let map = if above.is_empty() { Some(target) } else { get_mut(target, above) };
    if let Some(Value::Map(map)) = map {
        map.shift_remove(key);
    }
}

/// Sets the value at a dotted path, making the maps on the way.
fn set(target: &mut Value, path: &str, value: Value) {
    let Value::Map(map) = target else { return };
    match path.split_once('.') {
        None => {
            map.insert(path.to_owned(), value);
        }
        Some((key, rest)) => {
            let inner = map.entry(key.to_owned()).or_insert_with(|| Value::Map(Map::new()));
            set(inner, rest, value);
        }
    }
}

fn merge_maps(target: &mut Map, other: Map) {
    for (key, value) in other {
        match (target.get_mut(&key), value) {
            (Some(Value::Map(inner)), Value::Map(value)) => merge_maps(inner, value),
            (_, value) => {
                target.insert(key, value);
            }
        }
    }
}

/// Puts a page's tokens into the parameters, and takes out those that it has not.
fn inject(params: &mut Map, token: &Map) {
    for (name, value) in token {
        match value {
            Value::Null => {
                params.shift_remove(name);
            }
            Value::Str(text) if text == "None" => {
                params.shift_remove(name);
            }
            value => {
                params.insert(name.clone(), value.clone());
            }
        }
    }
}

fn takes_text(service: &Service, operation: &Operation, member: &str) -> bool {
    let Some(Kind::Structure(input)) = operation.input.map(|id| &service.shapes[id as usize].kind) else {
        return false;
    };
    let found = input.members.iter().find(|known| known.name == member);
    found.is_some_and(|known| matches!(service.shapes[known.shape as usize].kind, Kind::String { .. }))
}

/// A token as the CLI prints it: base64 of JSON, bytes inside as base64 with their paths listed.
fn encode(token: &Map) -> String {
    let mut paths = Vec::new();
    let mut token = Value::Map(token.clone());
    encode_bytes(&mut token, &mut Vec::new(), &mut paths);
    if let (Value::Map(map), false) = (&mut token, paths.is_empty()) {
        map.insert(ENCODED_KEYS.to_owned(), Value::List(paths));
    }
    STANDARD.encode(python_json(&token))
}

fn encode_bytes(value: &mut Value, path: &mut Vec<Value>, paths: &mut Vec<Value>) {
    match value {
        Value::Bytes(bytes) => {
            *value = Value::Str(STANDARD.encode(bytes));
            paths.push(Value::List(path.clone()));
        }
        Value::Map(map) => {
            for (key, value) in map {
                path.push(Value::Str(key.clone()));
                encode_bytes(value, path, paths);
                path.pop();
            }
        }
        Value::List(items) => {
            for (index, value) in items.iter_mut().enumerate() {
                path.push(Value::Int(index as i64));
                encode_bytes(value, path, paths);
                path.pop();
            }
        }
        _ => {}
    }
}

/// Reads `--starting-token`: the tokens of the page, and how many of its items to skip. `None`: it is no token.
fn starting_token(text: &str, input_token: &[String]) -> Option<(Map, usize)> {
    let decoded = STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let decoded = decoded.and_then(|json| from_json_text(&json));
    let Some(Value::Map(mut token)) = decoded else {
        return plain_token(text, input_token);
    };
    if let Some(Value::List(paths)) = token.shift_remove(ENCODED_KEYS) {
        let mut value = Value::Map(token);
        for path in &paths {
            decode_bytes(&mut value, path)?;
        }
        let Value::Map(decoded) = value else { return None };
        token = decoded;
    }
    let skip = match token.shift_remove(TRUNCATE_AMOUNT) {
        Some(Value::Int(skip)) => usize::try_from(skip).ok()?,
        _ => 0,
    };
    Some((token, skip))
}

fn decode_bytes(value: &mut Value, path: &Value) -> Option<()> {
    let Value::List(path) = path else { return None };
    let target = path.iter().try_fold(value, |value, key| match (value, key) {
        (Value::Map(map), Value::Str(key)) => map.get_mut(key),
        (Value::List(items), Value::Int(index)) => items.get_mut(usize::try_from(*index).ok()?),
        _ => None,
    })?;
    *target = Value::Bytes(STANDARD.decode(target.as_str()?).ok()?);
    Some(())
}

/// The services' own tokens joined by `___`, with the number of items to skip behind them.
fn plain_token(text: &str, input_token: &[String]) -> Option<(Map, usize)> {
    let mut parts: Vec<&str> = text.split("___").collect();
    let mut skip = 0;
    if parts.len() == input_token.len() + 1 {
        // Otherwise it is a token of the service that looks like this.
        match parts.last().and_then(|last| last.parse().ok()) {
            Some(number) => {
                skip = number;
                parts.pop();
            }
            None => parts = vec![text],
        }
    }
    if parts.len() > input_token.len() {
        return None;
    }
    let mut parts = parts.into_iter();
    let token = |key: &String| {
        let value = parts.next().map_or(Value::Null, |part| Value::Str(part.to_owned()));
        (key.clone(), value)
    };
    Some((input_token.iter().map(token).collect(), skip))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_those_of_the_official_cli() {
        let token = Map::from_iter([
            ("ContinuationToken".to_owned(), Value::Null),
            (TRUNCATE_AMOUNT.to_owned(), Value::Int(1)),
        ]);
        let text = "eyJDb250aW51YXRpb25Ub2tlbiI6IG51bGwsICJib3RvX3RydW5jYXRlX2Ftb3VudCI6IDF9";
        assert_eq!(encode(&token), text);
        let keys = ["ContinuationToken".to_owned()];
        let start = Map::from_iter([("ContinuationToken".to_owned(), Value::Null)]);
        assert_eq!(starting_token(text, &keys), Some((start, 1)));
    }

    #[test]
    fn tokens_keep_bytes() {
        let key = Map::from_iter([("B".to_owned(), Value::Bytes(vec![0, 255]))]);
        let token = Map::from_iter([("ExclusiveStartKey".to_owned(), Value::Map(key))]);
        let keys = ["ExclusiveStartKey".to_owned()];
        assert_eq!(starting_token(&encode(&token), &keys), Some((token, 0)));
    }

    #[test]
    fn plain_tokens_are_taken() {
        let keys = ["Marker".to_owned(), "Id".to_owned()];
        let start = |marker: &str, id: Value| {
            Map::from_iter([("Marker".to_owned(), Value::Str(marker.to_owned())), ("Id".to_owned(), id)])
        };
        assert_eq!(starting_token("a", &keys), Some((start("a", Value::Null), 0)));
        assert_eq!(starting_token("a___b___3", &keys), Some((start("a", Value::Str("b".to_owned())), 3)));
        assert_eq!(starting_token("a___b___c", &keys), Some((start("a___b___c", Value::Null), 0)));
        assert_eq!(starting_token("a___b___1___2", &keys), None);
    }
}
