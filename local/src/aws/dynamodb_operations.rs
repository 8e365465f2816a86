//! The operations of DynamoDB by `dynoxide`, whose answers its authors compare with those of AWS, JSON in and out. The
//! tests of the functions, which may not depend on this package, take this file by its path.

use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Reads the input of an operation, calls it, and writes its output.
fn call<I: DeserializeOwned, O: Serialize>(
    input: &str,
    operation: impl FnOnce(I) -> Result<O, DynoxideError>,
) -> Result<String, DynoxideError> {
    let output = operation(serde_json::from_str(input).map_err(|error| unreadable(&error))?)?;
    serde_json::to_string(&output).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

/// The exception for an input that the types of `dynoxide` refuse. Their messages begin with a mark of which one it is, and
/// end with a place that AWS does not tell, unless the mark keeps it.
fn unreadable(error: &serde_json::Error) -> DynoxideError {
    let text = error.to_string();
    let (mark, marked) = text.split_once(':').unwrap_or_default();
    let told = marked.rsplit_once(" at line ").map_or(marked, |(told, _)| told);
    match mark {
        "VALIDATION" | "VALIDATION_REQUEST" => DynoxideError::ValidationException(told.to_owned()),
        "VALIDATION_AS_READ" => DynoxideError::ValidationException(marked.to_owned()),
        "SERIALIZATION" => DynoxideError::SerializationException(told.to_owned()),
        "SERIALIZATION_AS_READ" => DynoxideError::SerializationException(marked.to_owned()),
        _ if text.starts_with("missing field") => DynoxideError::ValidationException(text),
        _ => DynoxideError::SerializationException(text),
    }
}

/// The status and the body that answer an operation.
pub(crate) fn answer(tables: &Database, operation: &str, input: &str) -> (u16, String) {
    macro_rules! operations {
        ($($name:literal => $method:ident,)*) => {
            match operation {
                $($name => call(input, |input| tables.$method(input)),)*
                _ => {
                    let refusal = serde_json::json!({
                        "__type": "com.amazon.coral.service#UnknownOperationException",
                        "message": format!("the local AWS has no DynamoDB operation {operation}"),
                    });
                    return (400, refusal.to_string());
                }
            }
        };
    }
    let answered = operations! {
        "BatchExecuteStatement" => batch_execute_statement,
        "BatchGetItem" => batch_get_item,
        "BatchWriteItem" => batch_write_item,
        "CreateTable" => create_table,
        "DeleteItem" => delete_item,
        "DeleteTable" => delete_table,
        "DescribeTable" => describe_table,
        "DescribeTimeToLive" => describe_time_to_live,
        "ExecuteStatement" => execute_statement,
        "ExecuteTransaction" => execute_transaction,
        "GetItem" => get_item,
        "ListTables" => list_tables,
        "ListTagsOfResource" => list_tags_of_resource,
        "PutItem" => put_item,
        "Query" => query,
        "Scan" => scan,
        "TagResource" => tag_resource,
        "TransactGetItems" => transact_get_items,
        "TransactWriteItems" => transact_write_items,
        "UntagResource" => untag_resource,
        "UpdateItem" => update_item,
        "UpdateTable" => update_table,
        "UpdateTimeToLive" => update_time_to_live,
    };
    match answered {
        Ok(output) => (200, output),
        Err(failed) => (failed.status_code(), failed.to_json()),
    }
}
