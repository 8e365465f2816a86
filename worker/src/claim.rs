//! The ledger: one item a job, which says who works on it, which calls it made and how it ended. Every write carries a
//! condition on the attempt that the writer believes to be its own, so a worker that lost its job can change nothing.
//!
//! ```text
//! QUEUED → CLAIMED(attempt, lease) → per mutating call INTENT → DONE → RESULT_READY → DELIVERED
//! ends: DENIED, EXPIRED, CANCELLED, INTERRUPTED, DEAD
//! ```
//!
//! A job that only reads costs four writes: claim, result, that there is one, end. A result has items of its own, which
//! the table drops after the hour in which it may be read; the job's item stays much longer. The first copy of a job has
//! no item: QUEUED is what the sweeper writes when it sends a job again.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::error::{DisplayErrorContext, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure, Select};
use shared::ids::{JobId, TenantId, UserId};
use shared::job::Job;

/// How long a job's item is kept, in seconds (30 days).
const KEPT_FOR: u64 = 30 * 24 * 60 * 60;

/// How long a result can be read again, in seconds (1 hour).
pub const RESULT_READABLE_FOR: u64 = 60 * 60;

/// The partitions of the index `open`. One partition takes 1,000 writes a second; eight take what the worker can do.
pub const OPEN_SHARDS: u8 = 8;

/// The bytes of a sealed result that one item holds. An item may have 400 KB.
pub const CHUNK: usize = 350 * 1024;

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the module's documentation draws them")]
pub enum State {
    Queued,
    Claimed,
    ResultReady,
    Delivered,
    Denied,
    Expired,
    Cancelled,
    Interrupted,
    Dead,
}

impl State {
    const ALL: [State; 9] = [
        State::Queued,
        State::Claimed,
        State::ResultReady,
        State::Delivered,
        State::Denied,
        State::Expired,
        State::Cancelled,
        State::Interrupted,
        State::Dead,
    ];

    /// As written in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Queued => "QUEUED",
            State::Claimed => "CLAIMED",
            State::ResultReady => "RESULT_READY",
            State::Delivered => "DELIVERED",
            State::Denied => "DENIED",
            State::Expired => "EXPIRED",
            State::Cancelled => "CANCELLED",
            State::Interrupted => "INTERRUPTED",
            State::Dead => "DEAD",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Nothing happens to the job any more.
    pub fn is_end(self) -> bool {
        !matches!(self, State::Queued | State::Claimed | State::ResultReady)
    }
}

/// A try at a job: a random nonce. It fences every write, and it shows whose claim it is when an answer got lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt(String);

impl Attempt {
    /// A new one, unlike any other.
    pub fn new() -> Result<Self, LedgerError> {
        let mut nonce = [0; 16];
        aws_lc_rs::rand::fill(&mut nonce)
            .map_err(|_| LedgerError::Unavailable("no random numbers".into()))?;
        Ok(Self(uuid::Builder::from_random_bytes(nonce).into_uuid().simple().to_string()))
    }
}

/// How far a mutating call came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallState {
    /// It was about to be sent. Whether it was is unknown.
    Intent,
    /// AWS accepted it.
    Done,
    /// AWS refused it, or it never left.
    Refused,
}

/// A mutating call in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournaledCall {
    /// Service and operation, such as `ec2 RunInstances`.
    pub name: String,
    /// The idempotency token it carried.
    pub token: Option<String>,
    /// How far it came.
    pub state: CallState,
}

/// A job's item.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Partition key: [`job_key`].
    pub key: String,
    /// Where the job stands.
    pub state: State,
    /// Whose writes count.
    pub attempt: Attempt,
    /// Until when the attempt's worker counts as alive: Unix seconds.
    pub lease_until: u64,
    /// When the job was typed: Unix seconds.
    pub typed_at: u64,
    /// Mutating calls by number.
    pub calls: BTreeMap<u32, JournaledCall>,
    /// The data key that seals the job and its result, as KMS encrypted it.
    pub data_key: Option<Vec<u8>>,
    /// The job itself.
    pub sealed_job: Option<Vec<u8>>,
    /// The keys of the items that hold the result, in order. Empty if none was kept.
    pub result_chunks: Vec<String>,
    /// Until when the result may be read: Unix seconds.
    pub result_until: u64,
    /// The end that the job has once its result is delivered.
    pub ends: Option<State>,
}

impl Row {
    /// The tenant that the key begins with.
    pub fn tenant(&self) -> Option<TenantId> {
        self.key.split_once('#')?.0.parse().ok()
    }

    /// The job's id, which the key ends with.
    pub fn id(&self) -> Option<JobId> {
        JobId::try_from(self.key.split_once('#')?.1.to_owned()).ok()
    }

    fn read(item: &HashMap<String, AttributeValue>) -> Option<Self> {
        let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
        let number = |name: &str| item.get(name).and_then(|value| value.as_n().ok()?.parse::<u64>().ok());
        let bytes = |name: &str| {
            item.get(name).and_then(|value| value.as_b().ok()).map(|blob| blob.as_ref().to_vec())
        };
        let mut calls = BTreeMap::new();
        if let Some(Ok(map)) = item.get("calls").map(AttributeValue::as_m) {
            for (number, call) in map {
                let call = call.as_m().ok()?;
                let text = |name: &str| call.get(name).and_then(|value| value.as_s().ok()).cloned();
                let state = match text("state")?.as_str() {
                    "DONE" => CallState::Done,
                    "REFUSED" => CallState::Refused,
                    _ => CallState::Intent,
                };
                let call = JournaledCall { name: text("name")?, token: text("token"), state };
                calls.insert(number.parse().ok()?, call);
            }
        }
        let chunks = item.get("result_chunks").and_then(|value| value.as_l().ok());
        Some(Self {
            key: text("job")?,
            state: State::parse(&text("state")?)?,
            attempt: Attempt(text("attempt")?),
            lease_until: number("lease_until").unwrap_or(0),
            typed_at: number("typed_at")?,
            calls,
            data_key: bytes("data_key"),
            sealed_job: bytes("sealed_job"),
            result_chunks: chunks
                .map(|keys| keys.iter().filter_map(|key| key.as_s().ok().cloned()).collect())
                .unwrap_or_default(),
            result_until: number("result_until").unwrap_or(0),
            ends: text("ends").and_then(|end| State::parse(&end)),
        })
    }
}

/// The key of a job's item.
pub fn job_key(tenant: &TenantId, id: &JobId) -> String {
    format!("{tenant}#{id}")
}

/// Whose jobs they are: the partition key of the index `by-member`.
fn member_key(tenant: &TenantId, user: &UserId) -> String {
    format!("{tenant}#{user}")
}

/// What someone who meets a job's item does about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextStep {
    /// It is this attempt's own: go on.
    GoOn,
    /// Someone else is at it: come back later.
    Wait,
    /// It has ended: nothing to do.
    Leave,
    /// Nobody is at it and nothing was sent that changes anything: run it.
    Run,
    /// Its result waits to be delivered.
    Deliver,
    /// Its worker is gone, and a mutating call may or may not have happened: never run it again, say so.
    Interrupt,
}

/// What `attempt` does about the job in `row` at `now` (Unix seconds).
pub fn next_step(row: &Row, attempt: Option<&Attempt>, now: u64) -> NextStep {
    let alive = now <= row.lease_until;
    match row.state {
        state if state.is_end() => NextStep::Leave,
        _ if attempt == Some(&row.attempt) => NextStep::GoOn,
        State::Queued => NextStep::Run,
        _ if alive => NextStep::Wait,
        State::ResultReady => NextStep::Deliver,
        _ if row.calls.is_empty() => NextStep::Run,
        _ => NextStep::Interrupt,
    }
}

/// Why the ledger did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// DynamoDB throttles, fails or cannot be reached, after three tries.
    #[error("the ledger cannot be reached: {0}")]
    Unavailable(String),
    /// Another attempt has taken the job over.
    #[error("another worker has taken the job over")]
    Lost,
    /// An item that this build cannot read.
    #[error("an item of the ledger cannot be read")]
    Unreadable,
}

/// A job that is ours, until its lease ends.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Partition key of its item.
    pub key: String,
    /// Fences what we write.
    pub attempt: Attempt,
}

impl Claim {
    /// The job's id.
    pub fn id(&self) -> &str {
        self.key.split_once('#').map_or("", |(_, id)| id)
    }
}

/// What is written when a job is claimed for the first time.
pub struct NewClaim<'a> {
    /// The job.
    pub job: &'a Job,
    /// Our attempt.
    pub attempt: &'a Attempt,
    /// Until when we count as alive: Unix seconds.
    pub lease_until: u64,
    /// The data key, as KMS encrypted it, and the job sealed with it.
    pub sealed: Option<(&'a [u8], Vec<u8>)>,
    /// The time now: Unix seconds.
    pub now: u64,
}

/// The jobs table.
#[derive(Clone)]
pub struct Ledger {
    db: aws_sdk_dynamodb::Client,
    table: String,
}

impl Ledger {
    /// The ledger in `table`.
    pub fn new(db: aws_sdk_dynamodb::Client, table: String) -> Self {
        Self { db, table }
    }

    /// Claims a job that nobody has claimed before. If there is an item already, gives that: perhaps our own, when an
    /// earlier try of this very write succeeded and its answer was lost.
    pub async fn claim(&self, new: NewClaim<'_>) -> Result<Result<Claim, Row>, LedgerError> {
        let job = new.job;
        let key = job_key(&job.tenant, &job.id);
        let mut put = self
            .db
            .put_item()
            .table_name(&self.table)
            .item("job", text(&key))
            .item("member", text(member_key(&job.tenant, &job.user)))
            .item("typed_at", number(job.typed_at))
            .item("state", text(State::Claimed.as_str()))
            .item("attempt", text(&new.attempt.0))
            .item("lease_until", number(new.lease_until))
            .item("open", text(shard(&job.id)))
            .item("calls", AttributeValue::M(HashMap::new()))
            .item("expires_at", number(new.now + KEPT_FOR))
            .condition_expression("attribute_not_exists(job)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        if let Some((data_key, sealed_job)) = new.sealed {
            put = put.item("data_key", bytes(data_key)).item("sealed_job", bytes(sealed_job));
        }
        let claim = Claim { key: key.clone(), attempt: new.attempt.clone() };
        let error = match put.send().await {
            Ok(_) => return Ok(Ok(claim)),
            Err(error) => error,
        };
        let there = match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => failed.item().and_then(Row::read),
            _ => None,
        };
        let row = match there {
            Some(row) => Some(row),
            // The answer may have been lost, or it leaves the item out: the table knows.
            None => self.get(&key).await?,
        };
        match row {
            Some(row) if row.attempt == *new.attempt && row.state == State::Claimed => Ok(Ok(claim)),
            Some(row) => Ok(Err(row)),
            None => Err(unavailable(error)),
        }
    }

    /// Takes over the job in `row`, exactly as it stands there. A job to be run becomes CLAIMED; a result stays ready.
    pub async fn take_over(
        &self,
        row: &Row,
        attempt: &Attempt,
        lease_until: u64,
    ) -> Result<Claim, LedgerError> {
        let state = if row.state == State::ResultReady { State::ResultReady } else { State::Claimed };
        let update = self
            .update(&row.key)
            .update_expression("SET attempt = :new, lease_until = :lease, #state = :to")
            .condition_expression("attempt = :old AND #state = :from AND lease_until = :until")
            .expression_attribute_values(":new", text(&attempt.0))
            .expression_attribute_values(":lease", number(lease_until))
            .expression_attribute_values(":to", text(state.as_str()))
            .expression_attribute_values(":old", text(&row.attempt.0))
            .expression_attribute_values(":from", text(row.state.as_str()))
            .expression_attribute_values(":until", number(row.lease_until));
        let claim = Claim { key: row.key.clone(), attempt: attempt.clone() };
        match update.send().await {
            Ok(_) => Ok(claim),
            Err(error) => {
                let ours = self.get(&row.key).await?.is_some_and(|row| row.attempt == *attempt);
                if ours { Ok(claim) } else { Err(lost_or_unavailable(error)) }
            }
        }
    }

    /// Writes INTENT: from here on the call counts as possibly made.
    pub async fn intend(&self, claim: &Claim, number_: u32, call: &JournaledCall) -> Result<(), LedgerError> {
        let mut fields =
            HashMap::from([("name".to_owned(), text(&call.name)), ("state".to_owned(), text("INTENT"))]);
        if let Some(token) = &call.token {
            fields.insert("token".to_owned(), text(token));
        }
        let update = self
            .fenced(claim)
            .update_expression("SET calls.#call = :call")
            .condition_expression("attempt = :mine AND #state = :claimed")
            .expression_attribute_names("#call", number_.to_string())
            .expression_attribute_values(":call", AttributeValue::M(fields))
            .expression_attribute_values(":claimed", text(State::Claimed.as_str()));
        update.send().await.map(drop).map_err(lost_or_unavailable)
    }

    /// Writes how a call ended: DONE, or REFUSED when nothing changed.
    pub async fn ended(&self, claim: &Claim, number_: u32, done: bool) -> Result<(), LedgerError> {
        let update = self
            .fenced(claim)
            .update_expression("SET calls.#call.#state = :end")
            .condition_expression("attempt = :mine")
            .expression_attribute_names("#call", number_.to_string())
            .expression_attribute_values(":end", text(if done { "DONE" } else { "REFUSED" }));
        update.send().await.map(drop).map_err(lost_or_unavailable)
    }

    /// Writes RESULT_READY: the sealed result, and the end that the job has once it is delivered.
    pub async fn store(
        &self,
        claim: &Claim,
        sealed: Option<&[u8]>,
        ends: State,
        now: u64,
    ) -> Result<(), LedgerError> {
        let until = now + RESULT_READABLE_FOR;
        let mut chunks = Vec::new();
        for (index, chunk) in sealed.unwrap_or_default().chunks(CHUNK).enumerate() {
            let key = format!("{}#{}#{index}", claim.key, claim.attempt.0);
            let put = self
                .db
                .put_item()
                .table_name(&self.table)
                .item("job", text(&key))
                .item("chunk", bytes(chunk))
                .item("expires_at", number(until));
            put.send().await.map_err(unavailable)?;
            chunks.push(text(key));
        }
        let update = self
            .fenced(claim)
            .condition_expression("attempt = :mine AND #state IN (:claimed, :ready)")
            .expression_attribute_values(":claimed", text(State::Claimed.as_str()))
            .expression_attribute_values(":ready", text(State::ResultReady.as_str()))
            .expression_attribute_values(":ends", text(ends.as_str()))
            .expression_attribute_values(":until", number(until))
            .expression_attribute_values(":result", AttributeValue::L(chunks))
            .update_expression(
                "SET #state = :ready, ends = :ends, result_until = :until, result_chunks = :result",
            );
        update.send().await.map(drop).map_err(lost_or_unavailable)
    }

    /// The sealed result of `row`, whole, or nothing if it has none or may not be read any more.
    pub async fn result(&self, row: &Row, now: u64) -> Result<Option<Vec<u8>>, LedgerError> {
        if now > row.result_until || row.result_chunks.is_empty() {
            return Ok(None);
        }
        let mut sealed = Vec::new();
        for key in &row.result_chunks {
            let item = self.item(key).await?.ok_or(LedgerError::Unreadable)?;
            let chunk =
                item.get("chunk").and_then(|value| value.as_b().ok()).ok_or(LedgerError::Unreadable)?;
            sealed.extend_from_slice(chunk.as_ref());
        }
        Ok(Some(sealed))
    }

    /// Writes the end, once the user can see the answer.
    pub async fn end(&self, claim: &Claim, end: State) -> Result<(), LedgerError> {
        let update = self
            .fenced(claim)
            .update_expression("SET #state = :end REMOVE #open")
            .condition_expression("attempt = :mine AND #state IN (:claimed, :ready, :end)")
            .expression_attribute_names("#open", "open")
            .expression_attribute_values(":claimed", text(State::Claimed.as_str()))
            .expression_attribute_values(":ready", text(State::ResultReady.as_str()))
            .expression_attribute_values(":end", text(end.as_str()));
        update.send().await.map(drop).map_err(lost_or_unavailable)
    }

    /// Lets go of a job whose result could not be delivered, or which is to be run again: from `lease_until` (Unix
    /// seconds) on the sweeper takes it up. With `queued` the next copy from the queue runs it before that.
    pub async fn let_go(&self, claim: &Claim, lease_until: u64, queued: bool) -> Result<(), LedgerError> {
        let mut update = self
            .fenced(claim)
            .condition_expression("attempt = :mine AND #state IN (:claimed, :ready)")
            .expression_attribute_values(":claimed", text(State::Claimed.as_str()))
            .expression_attribute_values(":ready", text(State::ResultReady.as_str()))
            .expression_attribute_values(":lease", number(lease_until));
        let mut set = "SET lease_until = :lease".to_owned();
        if queued {
            set += ", #state = :queued";
            update = update.expression_attribute_values(":queued", text(State::Queued.as_str()));
        }
        update.update_expression(set).send().await.map(drop).map_err(lost_or_unavailable)
    }

    /// A job's item as it stands now.
    pub async fn get(&self, key: &str) -> Result<Option<Row>, LedgerError> {
        match self.item(key).await? {
            Some(item) => Row::read(&item).map(Some).ok_or(LedgerError::Unreadable),
            None => Ok(None),
        }
    }

    /// The keys of a user's latest jobs, newest first, at most `limit`.
    pub async fn latest(
        &self,
        tenant: &TenantId,
        user: &UserId,
        limit: usize,
    ) -> Result<Vec<String>, LedgerError> {
        let query = self
            .db
            .query()
            .table_name(&self.table)
            .index_name("by-member")
            .key_condition_expression("#member = :member")
            .expression_attribute_names("#member", "member")
            .expression_attribute_values(":member", text(member_key(tenant, user)))
            .scan_index_forward(false)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let answer = query.send().await.map_err(unavailable)?;
        Ok(keys(answer.items()))
    }

    /// The keys of jobs whose lease was over at `now` (Unix seconds), oldest first, at most `limit` of one shard.
    pub async fn overdue(&self, shard: u8, now: u64, limit: usize) -> Result<Vec<String>, LedgerError> {
        let query = self
            .db
            .query()
            .table_name(&self.table)
            .index_name("open")
            .select(Select::AllProjectedAttributes)
            .key_condition_expression("#open = :shard AND lease_until < :now")
            .expression_attribute_names("#open", "open")
            .expression_attribute_values(":shard", text(shard.to_string()))
            .expression_attribute_values(":now", number(now))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let answer = query.send().await.map_err(unavailable)?;
        Ok(keys(answer.items()))
    }

    async fn item(&self, key: &str) -> Result<Option<HashMap<String, AttributeValue>>, LedgerError> {
        let get = self.db.get_item().table_name(&self.table).key("job", text(key)).consistent_read(true);
        Ok(get.send().await.map_err(unavailable)?.item)
    }

    fn update(
        &self,
        key: &str,
    ) -> aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder {
        self.db
            .update_item()
            .table_name(&self.table)
            .key("job", text(key))
            .expression_attribute_names("#state", "state")
    }

    fn fenced(
        &self,
        claim: &Claim,
    ) -> aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder {
        self.update(&claim.key).expression_attribute_values(":mine", text(&claim.attempt.0))
    }
}

fn keys(items: &[HashMap<String, AttributeValue>]) -> Vec<String> {
    items.iter().filter_map(|item| item.get("job")?.as_s().ok().cloned()).collect()
}

/// The shard of the index `open` that a job belongs to.
fn shard(id: &JobId) -> String {
    let digit = id
        .as_str()
        .bytes()
        .next()
        .map_or(0, |digit| if digit <= b'9' { digit - b'0' } else { digit - b'a' + 10 });
    (digit % OPEN_SHARDS).to_string()
}

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn bytes(value: impl Into<Vec<u8>>) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

fn unavailable<E>(error: SdkError<E>) -> LedgerError
where
    E: std::error::Error + 'static,
{
    LedgerError::Unavailable(DisplayErrorContext(&error).to_string())
}

fn lost_or_unavailable(error: SdkError<UpdateItemError>) -> LedgerError {
    match error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(_)) => LedgerError::Lost,
        _ => unavailable(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(name: &str) -> Attempt {
        Attempt(name.to_owned())
    }

    fn row(state: State, calls: &[CallState]) -> Row {
        Row {
            key: format!("T1#{}", "0".repeat(32)),
            state,
            attempt: attempt("theirs"),
            lease_until: 1_000,
            typed_at: 900,
            calls: (0..)
                .zip(calls)
                .map(|(number, state)| {
                    (number, JournaledCall { name: "ec2 RunInstances".into(), token: None, state: *state })
                })
                .collect(),
            data_key: None,
            sealed_job: None,
            result_chunks: Vec::new(),
            result_until: 0,
            ends: None,
        }
    }

    #[test]
    fn what_happens_to_a_job_that_is_met_again() {
        use CallState::*;
        use NextStep::*;
        const ALIVE: u64 = 1_000;
        const OVER: u64 = 1_001;
        for (state, calls, now, expected) in [
            (State::Queued, &[][..], ALIVE, Run),
            (State::Queued, &[], OVER, Run),
            (State::Claimed, &[], ALIVE, Wait),
            (State::Claimed, &[], OVER, Run),
            (State::Claimed, &[Intent], ALIVE, Wait),
            (State::Claimed, &[Intent], OVER, Interrupt),
            (State::Claimed, &[Done], OVER, Interrupt),
            (State::Claimed, &[Refused], OVER, Interrupt),
            (State::ResultReady, &[], ALIVE, Wait),
            (State::ResultReady, &[Done], OVER, Deliver),
            (State::Delivered, &[Done], OVER, Leave),
            (State::Denied, &[], OVER, Leave),
            (State::Expired, &[], OVER, Leave),
            (State::Cancelled, &[], OVER, Leave),
            (State::Interrupted, &[Intent], OVER, Leave),
            (State::Dead, &[], OVER, Leave),
        ] {
            let row = row(state, calls);
            assert_eq!(next_step(&row, None, now), expected, "{state:?} {calls:?} {now}");
            assert_eq!(next_step(&row, Some(&attempt("mine")), now), expected, "{state:?} {calls:?} {now}");
            let own = if state.is_end() { Leave } else { GoOn };
            assert_eq!(next_step(&row, Some(&attempt("theirs")), now), own, "{state:?} {calls:?} {now}");
        }
    }

    #[test]
    fn every_state_reads_back() {
        for state in State::ALL {
            assert_eq!(State::parse(state.as_str()), Some(state));
        }
        assert_eq!(State::parse("RUNNING"), None);
    }

    #[test]
    fn jobs_spread_over_all_shards() {
        let shards: std::collections::BTreeSet<String> = (0..16)
            .map(|digit| shard(&JobId::try_from(format!("{digit:x}{}", "0".repeat(31))).unwrap()))
            .collect();
        assert_eq!(shards, (0..OPEN_SHARDS).map(|shard| shard.to_string()).collect());
    }
}
