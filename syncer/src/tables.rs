//! The three tables: what is read from them, and every write with the condition under which it holds.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::error::{DisplayErrorContext, SdkError};
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;
use shared::ids::{TenantId, UserId};
use shared::installation::{Installation, InstallationState};
use shared::mapping::{Mapping, MappingKey, MappingState, Partition, TargetAccount};
use shared::membership::Membership;
use shared::secret::Secret;

/// How long the tombstone of somebody who is a member of nothing is kept, in seconds. It has to outlive every read that
/// was under way when he left.
pub const TOMBSTONE_LIFE: u64 = 24 * 3600;

/// Why a table did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// DynamoDB throttles, fails or cannot be reached.
    #[error("the {0} table cannot be reached: {1}")]
    Unavailable(&'static str, String),
    /// An item that this build cannot read or write.
    #[error("an item of the {0} table cannot be read: {1}")]
    Unreadable(&'static str, String),
}

/// The tables.
#[derive(Clone)]
#[expect(missing_docs, reason = "the client, and each table's name")]
pub struct Tables {
    pub db: aws_sdk_dynamodb::Client,
    pub installations: String,
    pub mappings: String,
    pub memberships: String,
}

/// A tenant's mappings, and the ExternalId of each of its target accounts by the account's 12 digits.
pub type Mapped = (Vec<Mapping>, BTreeMap<String, Secret<String>>);

pub(crate) type Item = HashMap<String, AttributeValue>;

pub(crate) fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(crate) fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

pub(crate) fn unavailable<E>(table: &'static str) -> impl Fn(SdkError<E>) -> TableError
where
    E: std::error::Error + 'static,
    SdkError<E>: std::error::Error,
{
    move |error| TableError::Unavailable(table, DisplayErrorContext(&error).to_string())
}

fn read<T: DeserializeOwned>(table: &'static str, item: Item) -> Result<T, TableError> {
    serde_dynamo::from_item(item).map_err(|error| TableError::Unreadable(table, error.to_string()))
}

fn written<T: Serialize>(table: &'static str, value: &T) -> Result<Item, TableError> {
    serde_dynamo::to_item(value).map_err(|error| TableError::Unreadable(table, error.to_string()))
}

/// Whether a conditional update was carried out. That its condition did not hold is no error.
pub(crate) fn held<T>(
    table: &'static str,
    result: Result<T, SdkError<UpdateItemError>>,
) -> Result<bool, TableError> {
    match result {
        Ok(_) => Ok(true),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
        {
            Ok(false)
        }
        Err(error) => Err(unavailable(table)(error)),
    }
}

impl Tables {
    /// A change of one of the syncer's own items.
    pub(crate) fn update_own(
        &self,
        tenant: &TenantId,
        partition: Partition,
        item: &str,
    ) -> UpdateItemFluentBuilder {
        let update = self.db.update_item().table_name(&self.mappings);
        update.key("tenant", text(shared::mapping::partition(tenant, partition))).key("item", text(item))
    }

    /// One of the syncer's own items, as it is now.
    pub(crate) async fn own(
        &self,
        tenant: &TenantId,
        partition: Partition,
        item: &str,
    ) -> Result<Option<Item>, TableError> {
        let get = self.db.get_item().table_name(&self.mappings).consistent_read(true);
        let key = text(shared::mapping::partition(tenant, partition));
        let answer = get.key("tenant", key).key("item", text(item)).send().await;
        Ok(answer.map_err(unavailable("mappings"))?.item)
    }

    /// The workspace's installation.
    pub async fn installation(&self, tenant: &TenantId) -> Result<Option<Installation>, TableError> {
        let get = self.db.get_item().table_name(&self.installations).key("tenant", text(tenant.as_str()));
        let answer = get.consistent_read(true).send().await.map_err(unavailable("installations"))?;
        answer.item.map(|item| read("installations", item)).transpose()
    }

    /// All workspaces that have the app. Only the schedule asks: it reads the whole table.
    pub async fn active_tenants(&self) -> Result<Vec<TenantId>, TableError> {
        let mut tenants = Vec::new();
        let mut start = None;
        loop {
            let scan = self.db.scan().table_name(&self.installations).set_exclusive_start_key(start);
            let page = scan.send().await.map_err(unavailable("installations"))?;
            for item in page.items.unwrap_or_default() {
                // The table also holds installs that are under way; they have no such fields.
                let Ok(installation) = read::<Installation>("installations", item) else { continue };
                if installation.state == InstallationState::Active {
                    tenants.push(installation.tenant);
                }
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(tenants);
            }
        }
    }

    /// Ends an installation that was made before `at` (Unix milliseconds), and forgets its tokens.
    pub async fn end_installation(&self, tenant: &TenantId, at: u64) -> Result<bool, TableError> {
        let update = self
            .db
            .update_item()
            .table_name(&self.installations)
            .key("tenant", text(tenant.as_str()))
            .update_expression(
                "SET #state = :ended, bot_token = :none REMOVE refresh_token, token_expires_at",
            )
            .condition_expression("attribute_exists(tenant) AND #state = :active AND installed_at < :at")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":ended", text("ended"))
            .expression_attribute_values(":active", text("active"))
            .expression_attribute_values(":none", text(""))
            .expression_attribute_values(":at", number(at));
        held("installations", update.send().await)
    }

    /// All mappings of a tenant and its target accounts. An item that cannot be read takes nothing from the others.
    pub async fn mapped(&self, tenant: &TenantId) -> Result<Mapped, TableError> {
        let (mut mappings, mut accounts) = (Vec::new(), BTreeMap::new());
        for item in self.partition(&self.mappings, "mappings", tenant.as_str()).await? {
            let sort_key = item.get("item").and_then(|key| key.as_s().ok()).cloned().unwrap_or_default();
            let unreadable = if let Some(account) = sort_key.strip_prefix("account#") {
                match read::<TargetAccount>("mappings", item) {
                    Ok(target) => {
                        accounts.insert(account.to_owned(), target.external_id);
                        continue;
                    }
                    Err(error) => error,
                }
            } else {
                match read::<Mapping>("mappings", item) {
                    Ok(mapping) => {
                        mappings.push(mapping);
                        continue;
                    }
                    Err(error) => error,
                }
            };
            tracing::error!(tenant.id = %tenant, item = sort_key, error = %unreadable, "skipped an item");
        }
        Ok((mappings, accounts))
    }

    /// One mapping.
    pub async fn mapping(&self, tenant: &TenantId, item: &MappingKey) -> Result<Option<Mapping>, TableError> {
        let get = self.db.get_item().table_name(&self.mappings).set_key(Some(mapping_key(tenant, item)));
        let answer = get.consistent_read(true).send().await.map_err(unavailable("mappings"))?;
        answer.item.map(|item| read("mappings", item)).transpose()
    }

    /// Writes what an admin decides about a mapping. What syncs know of one that is there already stays; a new one begins
    /// with `mapping`'s. Gives what it is then.
    pub async fn decide(&self, mapping: &Mapping) -> Result<Mapping, TableError> {
        let mut update = self
            .db
            .update_item()
            .table_name(&self.mappings)
            .set_key(Some(mapping_key(&mapping.tenant, &mapping.item)))
            .return_values(aws_sdk_dynamodb::types::ReturnValue::AllNew)
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":zero", number(0));
        // A read that is under way must notice that the mapping is another now.
        let mut sets = vec!["version = if_not_exists(version, :zero) + :one".to_owned()];
        let mut removes = vec!["#reason", "unread"];
        let mut fields = written("mappings", mapping)?;
        for name in ["tenant", "item", "version"] {
            fields.remove(name);
        }
        for (index, (name, value)) in fields.into_iter().enumerate() {
            let (field, new) = (format!("#f{index}"), format!(":f{index}"));
            sets.push(match name.as_str() {
                "confirmed_at" | "read_as_of" | "members" => {
                    format!("{field} = if_not_exists({field}, {new})")
                }
                _ => format!("{field} = {new}"),
            });
            update = update.expression_attribute_names(field, name).expression_attribute_values(new, value);
        }
        if mapping.alias.is_none() {
            removes.push("alias");
        }
        let update = update
            .update_expression(format!("SET {} REMOVE {}", sets.join(", "), removes.join(", ")))
            .expression_attribute_names("#reason", "reason");
        let answer = update.send().await.map_err(unavailable("mappings"))?;
        read("mappings", answer.attributes.unwrap_or_default())
    }

    /// Writes a whole mapping.
    pub async fn put_mapping(&self, mapping: &Mapping) -> Result<(), TableError> {
        let item = written("mappings", mapping)?;
        let put = self.db.put_item().table_name(&self.mappings).set_item(Some(item));
        put.send().await.map(drop).map_err(unavailable("mappings"))
    }

    /// Removes a mapping, and gives what it was.
    pub async fn delete_mapping(
        &self,
        tenant: &TenantId,
        item: &MappingKey,
    ) -> Result<Option<Mapping>, TableError> {
        let delete = self
            .db
            .delete_item()
            .table_name(&self.mappings)
            .set_key(Some(mapping_key(tenant, item)))
            .return_values(aws_sdk_dynamodb::types::ReturnValue::AllOld);
        let answer = delete.send().await.map_err(unavailable("mappings"))?;
        answer.attributes.filter(|old| !old.is_empty()).map(|old| read("mappings", old)).transpose()
    }

    /// The ExternalId of an account: the one that it has, or `fresh`, which is then its for good.
    pub async fn external_id(
        &self,
        tenant: &TenantId,
        account: &str,
        fresh: Secret<String>,
    ) -> Result<Secret<String>, TableError> {
        let target =
            TargetAccount { tenant: tenant.clone(), item: TargetAccount::item(account), external_id: fresh };
        let update = self
            .db
            .update_item()
            .table_name(&self.mappings)
            .key("tenant", text(tenant.as_str()))
            .key("item", text(&target.item))
            .update_expression("SET external_id = if_not_exists(external_id, :fresh)")
            .expression_attribute_values(":fresh", text(target.external_id.expose()))
            .return_values(aws_sdk_dynamodb::types::ReturnValue::AllNew);
        let answer = update.send().await.map_err(unavailable("mappings"))?;
        let item = answer.attributes.unwrap_or_default();
        Ok(read::<TargetAccount>("mappings", item)?.external_id)
    }

    /// Changes the state of a mapping that has `role_arn` and is in state `from`, and says why. Nothing happens to one
    /// that is otherwise by now.
    pub async fn change_state(
        &self,
        mapping: &Mapping,
        from: &[MappingState],
        to: MappingState,
        reason: Option<&str>,
    ) -> Result<bool, TableError> {
        let names: Vec<String> = (0..from.len()).map(|index| format!(":from{index}")).collect();
        let mut update = self
            .db
            .update_item()
            .table_name(&self.mappings)
            .set_key(Some(mapping_key(&mapping.tenant, &mapping.item)))
            .condition_expression(format!("role_arn = :role AND #state IN ({})", names.join(", ")))
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#reason", "reason")
            .expression_attribute_values(":role", text(&mapping.role_arn))
            .expression_attribute_values(":to", text(state_word(to)));
        for (name, state) in names.into_iter().zip(from) {
            update = update.expression_attribute_values(name, text(state_word(*state)));
        }
        update = match reason {
            Some(reason) => update
                .update_expression("SET #state = :to, #reason = :reason")
                .expression_attribute_values(":reason", text(reason)),
            None => update.update_expression("SET #state = :to REMOVE #reason"),
        };
        held("mappings", update.send().await)
    }

    /// Gives a mapping another name, for show.
    pub async fn rename(&self, mapping: &Mapping, name: &str) -> Result<bool, TableError> {
        let update = self
            .db
            .update_item()
            .table_name(&self.mappings)
            .set_key(Some(mapping_key(&mapping.tenant, &mapping.item)))
            .update_expression("SET #name = :name")
            .condition_expression("attribute_exists(tenant) AND #name <> :name")
            .expression_attribute_names("#name", "name")
            .expression_attribute_values(":name", text(name));
        held("mappings", update.send().await)
    }

    /// All members of a tenant.
    pub async fn memberships(&self, tenant: &TenantId) -> Result<Vec<Membership>, TableError> {
        let items = self.partition(&self.memberships, "memberships", tenant.as_str()).await?;
        items.into_iter().map(|item| read("memberships", item)).collect()
    }

    /// One member.
    pub async fn membership(
        &self,
        tenant: &TenantId,
        user: &UserId,
    ) -> Result<Option<Membership>, TableError> {
        let get = self.db.get_item().table_name(&self.memberships).set_key(Some(member_key(tenant, user)));
        let answer = get.consistent_read(true).send().await.map_err(unavailable("memberships"))?;
        answer.item.map(|item| read("memberships", item)).transpose()
    }

    async fn partition(&self, table: &str, what: &'static str, key: &str) -> Result<Vec<Item>, TableError> {
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let query = self
                .db
                .query()
                .table_name(table)
                .key_condition_expression("tenant = :tenant")
                .expression_attribute_values(":tenant", text(key))
                .consistent_read(true)
                .set_exclusive_start_key(start);
            let page = query.send().await.map_err(unavailable(what))?;
            items.extend(page.items.unwrap_or_default());
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(items);
            }
        }
    }
}

/// The key of a mapping's item.
pub(crate) fn mapping_key(tenant: &TenantId, item: &MappingKey) -> Item {
    Item::from([("tenant".to_owned(), text(tenant.as_str())), ("item".to_owned(), text(&item.0))])
}

/// The key of a member's item.
pub(crate) fn member_key(tenant: &TenantId, user: &UserId) -> Item {
    Item::from([("tenant".to_owned(), text(tenant.as_str())), ("user".to_owned(), text(user.as_str()))])
}

/// A mapping's state as it is stored.
fn state_word(state: MappingState) -> &'static str {
    match state {
        MappingState::Pending => "pending",
        MappingState::Active => "active",
        MappingState::Suspended => "suspended",
    }
}
