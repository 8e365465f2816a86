//! What happened in the workspace, between two syncs. An event is a hint that carries its time: `apply` decides whether it
//! still says something new.

use shared::admin::{AdminJob, WorkspaceEvent};
use shared::ids::{ChannelId, UserId};
use shared::installation::InstallationState;
use shared::mapping::{Mapping, MappingKey, MappingKind, MappingState};
use tokio::time::Instant;

use crate::Syncer;
use crate::apply::Change;
use crate::batch::Retry;
use crate::read::People;
use crate::record::{What, shown};
use crate::sync::CLOCK_SKEW;
use crate::workspace::ASKING_TIME;

/// Whether what happened `at` (Unix milliseconds) says something about a mapping that was not read completely since.
fn is_news(at: u64) -> impl Fn(&Mapping) -> bool {
    move |mapping| mapping.read_as_of < at
}

impl Syncer {
    /// Takes note of an event that happened `at` (Unix milliseconds, by Slack's clock).
    pub(crate) async fn take_event(
        &self,
        job: &AdminJob,
        event: &WorkspaceEvent,
        at: u64,
    ) -> Result<(), Retry> {
        // What is said to happen later than now would stand against everything that is read meanwhile.
        let at = at.min(self.clock.milliseconds() + CLOCK_SKEW);
        match event {
            WorkspaceEvent::Joined { user, channel } => {
                for mapping in self.mappings_of(job, channel).await? {
                    self.members_changed(job, &mapping, at, std::slice::from_ref(user), &[]).await?;
                }
            }
            WorkspaceEvent::Left { user, channel } => {
                for mapping in self.mappings_of(job, channel).await? {
                    self.members_changed(job, &mapping, at, &[], std::slice::from_ref(user)).await?;
                }
            }
            WorkspaceEvent::BotRemoved { channel } => {
                for mapping in self.mappings_of(job, channel).await?.into_iter().filter(is_news(at)) {
                    self.suspend(
                        job,
                        &mapping,
                        "the bot was removed from the channel, so its members cannot be read",
                    )
                    .await?;
                }
            }
            WorkspaceEvent::ChannelClosed { channel } => {
                for mapping in self.mappings_of(job, channel).await?.into_iter().filter(is_news(at)) {
                    self.suspend(job, &mapping, "the channel was archived or deleted").await?;
                }
            }
            WorkspaceEvent::ChannelRenamed { channel, name } => {
                for mapping in self.mappings_of(job, channel).await?.into_iter().filter(is_news(at)) {
                    self.tables.rename(&mapping, name).await?;
                }
            }
            WorkspaceEvent::ChannelIdChanged { old, new } => {
                for mapping in self.mappings_of(job, old).await? {
                    self.move_mapping(job, mapping, new).await?;
                }
            }
            WorkspaceEvent::UsergroupMembers { usergroup, added, removed } => {
                if let Some(mapping) = self.usergroup_mapping(job, usergroup).await? {
                    self.members_changed(job, &mapping, at, added, removed).await?;
                }
            }
            WorkspaceEvent::UsergroupUpdated { usergroup, handle, disabled } => {
                if let Some(mapping) = self.usergroup_mapping(job, usergroup).await?.filter(is_news(at)) {
                    if *disabled {
                        self.suspend(job, &mapping, "the user group was switched off").await?;
                    } else if !handle.is_empty() {
                        self.tables.rename(&mapping, handle).await?;
                    }
                }
            }
            WorkspaceEvent::UserUnfit { user } => self.user_unfit(job, user, at).await?,
            WorkspaceEvent::Uninstalled => {
                let installation = self.tables.installation(&job.tenant).await?;
                if installation
                    .is_some_and(|one| one.state == InstallationState::Active && one.installed_at < at)
                {
                    self.record(job, (What::InstallationEnded, "installation"), None, None, None).await?;
                    self.tables.end_installation(&job.tenant, at).await?;
                    tracing::warn!(tenant.id = %job.tenant, "the installation has ended");
                }
            }
        }
        Ok(())
    }

    async fn members_changed(
        &self,
        job: &AdminJob,
        mapping: &Mapping,
        at: u64,
        joined: &[UserId],
        left: &[UserId],
    ) -> Result<(), Retry> {
        let mut fit = Vec::new();
        if !joined.is_empty() {
            let Some(workspace) = self.workspace(&job.tenant).await? else { return Ok(()) };
            let ids: Vec<String> = joined.iter().map(ToString::to_string).collect();
            let until = Instant::now() + ASKING_TIME;
            match People::default().fit(&workspace, &ids, self.read_from(), until).await {
                Ok(people) => fit.extend(people.members),
                // Those who came wait for the next sync; those who went must not.
                Err(error) => tracing::warn!(job.id = %job.id, %error, "cannot tell who joined"),
            }
        }
        let now = self.clock.seconds();
        let change = Change {
            tenant: &job.tenant,
            item: &mapping.item,
            as_of: at,
            // They were asked about after it happened.
            people_as_of: at,
            joined: &fit,
            left,
            now,
        };
        let applied = self.tables.change_members(&change).await?;
        tracing::info!(
            job.id = %job.id, mapping = mapping.item.0, joined = fit.len(), left = left.len(), ?applied, "took an event"
        );
        Ok(())
    }

    /// Somebody may have no role any more, whatever he is a member of.
    async fn user_unfit(&self, job: &AdminJob, user: &UserId, at: u64) -> Result<(), Retry> {
        let now = self.clock.seconds();
        // First that nobody gives him one any more who asked about him earlier: a sync is perhaps under way.
        self.tables.unfit(&job.tenant, user, at, now).await?;
        let Some(membership) = self.tables.membership(&job.tenant, user).await? else { return Ok(()) };
        for item in membership.grants.keys() {
            let left = std::slice::from_ref(user);
            let change =
                Change { tenant: &job.tenant, item, as_of: at, people_as_of: at, joined: &[], left, now };
            let applied = self.tables.change_members(&change).await?;
            tracing::info!(job.id = %job.id, mapping = item.0, user.id = %user, ?applied, "lost a grant");
        }
        Ok(())
    }

    /// The channel has another id now. Nobody has a grant through the new one before its members were read.
    async fn move_mapping(&self, job: &AdminJob, mapping: Mapping, new: &ChannelId) -> Result<(), Retry> {
        let item = MappingKey::new(mapping.kind, new.as_str());
        let moved = Mapping {
            item,
            confirmed_at: 0,
            // Pages that were read before it came here say nothing about it.
            people_known_at: None,
            read_as_of: self.read_from(),
            version: 0,
            members: 0,
            unread: None,
            ..mapping.clone()
        };
        let (before, after) = (Some(shown(&mapping)), Some(shown(&moved)));
        self.record(job, (What::MappingChanged, &moved.item.0), None, before, after).await?;
        self.tables.put_mapping(&moved).await?;
        self.tables.delete_mapping(&job.tenant, &mapping.item).await?;
        if moved.state != MappingState::Suspended {
            self.send_sync(&job.tenant, &format!("moved {}", job.id)).await?;
        }
        Ok(())
    }

    async fn mappings_of(&self, job: &AdminJob, channel: &ChannelId) -> Result<Vec<Mapping>, Retry> {
        let mut found = Vec::new();
        for kind in [MappingKind::Channel, MappingKind::Group] {
            found.extend(self.tables.mapping(&job.tenant, &MappingKey::new(kind, channel.as_str())).await?);
        }
        Ok(found)
    }

    async fn usergroup_mapping(&self, job: &AdminJob, usergroup: &str) -> Result<Option<Mapping>, Retry> {
        Ok(self.tables.mapping(&job.tenant, &MappingKey::new(MappingKind::Usergroup, usergroup)).await?)
    }
}
