//! A user as Slack describes him, and what follows from that for what he may do here.

use serde::Deserialize;

use crate::ids::TenantId;

/// The fields of Slack's user object that matter. A flag that Slack leaves out is not set, and a team that is null is
/// nobody's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields are named and documented by Slack's user object")]
pub struct Person {
    pub id: String,
    pub team_id: Option<String>,
    pub deleted: bool,
    pub is_bot: bool,
    pub is_restricted: bool,
    pub is_ultra_restricted: bool,
    pub is_stranger: bool,
    pub is_admin: bool,
    pub is_owner: bool,
    pub is_primary_owner: bool,
}

/// Why somebody gets no role whatever he is a member of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each is explained by its text")]
pub enum Unfit {
    #[error("the account is deactivated")]
    Deactivated,
    #[error("bots get no role")]
    Bot,
    #[error("guests get no role")]
    Guest,
    #[error("people of other workspaces get no role")]
    Stranger,
}

impl Person {
    /// Whether this is a full member of `tenant`: the only kind of person who may have a role.
    ///
    /// # Errors
    /// What he is instead.
    pub fn full_member_of(&self, tenant: &TenantId) -> Result<(), Unfit> {
        if self.deleted {
            Err(Unfit::Deactivated)
        } else if self.is_bot || self.id == "USLACKBOT" {
            Err(Unfit::Bot)
        } else if self.is_restricted || self.is_ultra_restricted {
            Err(Unfit::Guest)
        } else if self.is_stranger || self.team_id.as_deref() != Some(tenant.as_str()) {
            Err(Unfit::Stranger)
        } else {
            Ok(())
        }
    }

    /// Whether this is an admin or owner of `tenant`, and a full member.
    pub fn administers(&self, tenant: &TenantId) -> bool {
        self.full_member_of(tenant).is_ok() && (self.is_admin || self.is_owner || self.is_primary_owner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_full_members_of_the_workspace_are_fit_and_only_its_admins_administer() {
        let tenant: TenantId = "T1".parse().unwrap();
        for (flags, fit, administers) in [
            (json!({}), Ok(()), false),
            (json!({ "is_admin": true }), Ok(()), true),
            (json!({ "is_owner": true }), Ok(()), true),
            (json!({ "is_primary_owner": true }), Ok(()), true),
            (json!({ "deleted": true, "is_admin": true }), Err(Unfit::Deactivated), false),
            (json!({ "is_bot": true, "is_admin": true }), Err(Unfit::Bot), false),
            (json!({ "id": "USLACKBOT" }), Err(Unfit::Bot), false),
            (json!({ "is_restricted": true, "is_admin": true }), Err(Unfit::Guest), false),
            (json!({ "is_ultra_restricted": true }), Err(Unfit::Guest), false),
            (json!({ "is_stranger": true, "is_owner": true }), Err(Unfit::Stranger), false),
            (json!({ "team_id": "T2", "is_admin": true }), Err(Unfit::Stranger), false),
            (json!({ "team_id": null }), Err(Unfit::Stranger), false),
        ] {
            let mut user = json!({ "id": "U1", "team_id": "T1", "name": "anna" });
            user.as_object_mut().unwrap().extend(flags.as_object().unwrap().clone());
            let person: Person = serde_json::from_value(user).unwrap();
            assert_eq!(
                (person.full_member_of(&tenant), person.administers(&tenant)),
                (fit, administers),
                "{flags}"
            );
        }
        let nowhere: Person = serde_json::from_value(json!({ "id": "U1", "is_admin": true })).unwrap();
        assert_eq!(nowhere.full_member_of(&tenant), Err(Unfit::Stranger), "without any team");
    }
}
