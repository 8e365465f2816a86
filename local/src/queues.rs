//! Event source mappings: a queue's records go to a function, one record an invocation.
//!
//! As Lambda does it (developer guide, "Using Lambda with Amazon SQS", with ReportBatchItemFailures): a record is
//! deleted when its invocation succeeds and does not name it as failed. Otherwise it stays, becomes visible again when
//! its visibility timeout ends, and after too many receives goes to the dead-letter queue, which is the queue's doing.

use std::time::Duration;

use serde_json::{Value, json};

use crate::aws::{Client, HOME, REGION};
use crate::lambda::Lambda;

/// How long one poll waits for a record, in seconds (the longest that SQS takes).
const POLL: u64 = 20;
/// The pause after a poll that failed.
const POLL_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// One queue as the source of one function.
#[derive(Clone)]
pub struct EventSource {
    /// Whose queue it is.
    pub client: Client,
    /// The queue's address.
    pub queue_url: String,
    /// Who gets its records.
    pub function: Lambda,
}

impl EventSource {
    /// Polls with `pollers` tasks, which end when `tasks` is dropped.
    pub fn start(self, pollers: usize, tasks: &mut tokio::task::JoinSet<()>) {
        for _ in 0..pollers {
            let source = self.clone();
            tasks.spawn(async move {
                loop {
                    if let Err(error) = source.poll().await {
                        tracing::warn!(queue = source.queue_name(), %error, "the queue cannot be polled");
                        tokio::time::sleep(POLL_AGAIN_AFTER).await;
                    }
                }
            });
        }
    }

    /// Waits for one record and gives it to the function.
    pub async fn poll(&self) -> Result<(), crate::aws::ClientError> {
        let input = json!({
            "QueueUrl": self.queue_url,
            "MaxNumberOfMessages": 1,
            "WaitTimeSeconds": POLL,
            "AttributeNames": ["All"],
            "MessageAttributeNames": ["All"],
        });
        let received = self.client.json("sqs", "AmazonSQS.ReceiveMessage", &input).await?;
        for message in received["Messages"].as_array().into_iter().flatten() {
            let event = json!({ "Records": [self.record(message)] });
            let result = self.function.invoke(event.to_string().into()).await;
            let finished = match &result {
                Ok(answer) => succeeded(answer),
                Err(error) => {
                    tracing::warn!(function = self.function.name(), %error, "a record goes back to its queue");
                    false
                }
            };
            if finished {
                let input = json!({ "QueueUrl": self.queue_url, "ReceiptHandle": message["ReceiptHandle"] });
                self.client.json("sqs", "AmazonSQS.DeleteMessage", &input).await?;
            }
        }
        Ok(())
    }

    fn queue_name(&self) -> &str {
        self.queue_url.rsplit('/').next().unwrap_or_default()
    }

    /// A message as the function sees it.
    fn record(&self, message: &Value) -> Value {
        json!({
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "messageAttributes": message_attributes(&message["MessageAttributes"]),
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": format!("arn:aws:sqs:{REGION}:{HOME}:{}", self.queue_name()),
            "awsRegion": REGION,
        })
    }
}

/// A message's own attributes: SQS and Lambda spell their fields with different first letters.
fn message_attributes(attributes: &Value) -> Value {
    let attributes = attributes.as_object().into_iter().flatten().map(|(name, attribute)| {
        let mut spelled = json!({
            "dataType": attribute["DataType"],
            "stringListValues": [],
            "binaryListValues": [],
        });
        for (theirs, ours) in [("StringValue", "stringValue"), ("BinaryValue", "binaryValue")] {
            if let Some(value) = attribute.get(theirs) {
                spelled[ours] = value.clone();
            }
        }
        (name.clone(), spelled)
    });
    Value::Object(attributes.collect())
}

/// Whether `answer` lets the batch's one record go. What Lambda cannot read as a list of the batch's own ids, and an empty id,
/// fails the whole batch; no list, and an empty one, finish it.
fn succeeded(answer: &[u8]) -> bool {
    let answer: Value = match serde_json::from_slice(answer) {
        Ok(answer) => answer,
        Err(_) => return answer.is_empty(),
    };
    match answer.get("batchItemFailures") {
        None | Some(Value::Null) => true,
        // A batch has one record: if anything is listed, it is this one, or a mistake that fails it as well.
        Some(Value::Array(failures)) => failures.is_empty(),
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::Emulator;
    use crate::lambda::tests::{LONG, host};
    use crate::seed::{QueueLimits, home};

    #[tokio::test]
    async fn finished_records_go_and_failed_ones_come_back_until_they_are_dead() {
        let emulator = Emulator::start().await.unwrap();
        let client = Client::new(&emulator.url(), REGION, emulator.root_keys(HOME));
        let home = home(&client, QueueLimits { visibility_timeout: 5, max_receives: 2 }).await.unwrap();
        let host = host(LONG, 1, &[]);
        let source = EventSource {
            client: client.clone(),
            queue_url: home.jobs_queue.clone(),
            function: host.lambda.clone(),
        };
        let mut tasks = tokio::task::JoinSet::new();
        source.start(2, &mut tasks);
        for action in ["answer", "give back", "fail", "crash"] {
            let body = json!({ "do": action }).to_string();
            let input = json!({ "QueueUrl": home.jobs_queue, "MessageBody": body });
            client.json("sqs", "AmazonSQS.SendMessage", &input).await.unwrap();
        }
        let mut dead = Vec::new();
        while dead.len() < 3 {
            let input = json!({ "QueueUrl": home.dead_letter_queue, "WaitTimeSeconds": 20 });
            let received = client.json("sqs", "AmazonSQS.ReceiveMessage", &input).await.unwrap();
            for message in received["Messages"].as_array().into_iter().flatten() {
                dead.push(message["Body"].as_str().unwrap().to_owned());
            }
        }
        dead.sort();
        assert_eq!(dead, [r#"{"do":"crash"}"#, r#"{"do":"fail"}"#, r#"{"do":"give back"}"#]);
        // Once for the one that succeeded, twice for each of the others.
        assert_eq!(host.lambda.invocations(), 7);
    }

    #[test]
    fn message_attributes_are_spelled_as_lambda_does() {
        let theirs = json!({ "tenant": { "DataType": "String", "StringValue": "T1" } });
        let ours = json!({
            "tenant": { "dataType": "String", "stringValue": "T1", "stringListValues": [], "binaryListValues": [] },
        });
        assert_eq!(message_attributes(&theirs), ours);
        assert_eq!(message_attributes(&Value::Null), json!({}));
    }

    #[test]
    fn a_record_stays_when_the_function_names_it_or_answers_nonsense() {
        let cases = [
            ("", true),
            ("null", true),
            ("{}", true),
            (r#"{"batchItemFailures":[]}"#, true),
            (r#"{"batchItemFailures":null}"#, true),
            (r#"{"batchItemFailures":[{"itemIdentifier":"m1"}]}"#, false),
            (r#"{"batchItemFailures":[{"itemIdentifier":"other"}]}"#, false),
            (r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#, false),
            (r#"{"batchItemFailures":[{}]}"#, false),
            (r#"{"batchItemFailures":"m1"}"#, false),
            ("not json", false),
        ];
        for (answer, finished) in cases {
            assert_eq!(succeeded(answer.as_bytes()), finished, "{answer}");
        }
    }
}
