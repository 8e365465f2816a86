//! Copies of an admin job: what is seen of a job here is that it suspends a mapping, writes that down and announces it.

use std::sync::Arc;

use serde_json::{Value, json};
use shared::admin::{AdminJob, WorkspaceEvent};
use shared::ids::{JobId, TenantId};
use shared::mapping::{MappingState, Partition, partition};
use syncer::tables::Tables;
use tokio::sync::Notify;

use crate::aws::Aws;
use crate::chunks::mapping;
use crate::syncer::{Fault, Running, deliver, event};

const NOW: u64 = 1_700_000_000;

struct Scene {
    aws: Aws,
    tables: Tables,
    running: Running,
    tenant: TenantId,
    closed: AdminJob,
}

impl Scene {
    /// A mapped channel was archived.
    async fn new() -> Self {
        let (aws, tables) = Aws::start().await;
        let running = Running::start(&aws, NOW).await;
        let tenant: TenantId = "T1".parse().unwrap();
        tables.put_mapping(&mapping(&tenant)).await.unwrap();
        let id = JobId::from_event(&tenant, "Ev1");
        let closed =
            event(&tenant, id, WorkspaceEvent::ChannelClosed { channel: "C1".parse().unwrap() }, NOW * 1000);
        Self { aws, tables, running, tenant, closed }
    }

    async fn state(&self) -> MappingState {
        self.tables.mapping(&self.tenant, &mapping(&self.tenant).item).await.unwrap().unwrap().state
    }

    async fn records(&self) -> usize {
        self.aws.items("mappings", &partition(&self.tenant, Partition::Records)).await.len()
    }
}

#[tokio::test]
async fn a_copy_of_a_job_changes_nothing_and_says_nothing() {
    let scene = Scene::new().await;
    assert!(scene.running.deliver(&scene.closed).await);
    assert_eq!(
        (scene.state().await, scene.records().await, scene.running.announced()),
        (MappingState::Suspended, 1, 1)
    );
    let entry = scene.running.announcement();
    assert_eq!((&entry["Source"], &entry["DetailType"]), (&json!("alfredbot"), &json!("MappingSuspended")));
    let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
    let states = (&detail["before"]["state"], &detail["after"]["state"]);
    assert_eq!(states, (&json!("active"), &json!("suspended")), "{detail}");
    assert_eq!((&detail["tenant"], &detail["at"]), (&json!("T1"), &json!(NOW * 1000)), "{detail}");
    assert_eq!(detail["after"]["role_arn"], mapping(&scene.tenant).role_arn, "{detail}");

    // An admin has added it again meanwhile.
    scene.tables.put_mapping(&mapping(&scene.tenant)).await.unwrap();
    for later in [0, 60, 14 * 24 * 3600] {
        scene.running.set_time(NOW + later);
        assert!(scene.running.deliver(&scene.closed).await);
        assert_eq!(
            (scene.state().await, scene.records().await, scene.running.announced()),
            (MappingState::Active, 1, 1)
        );
    }
}

#[tokio::test]
async fn a_job_whose_taker_died_is_taken_again_after_its_lease_and_not_before() {
    let scene = Scene::new().await;
    let arrived = Arc::new(Notify::new());
    scene.running.plan("UpdateItem", Fault::Refuse);
    assert!(!scene.running.deliver(&scene.closed).await, "who cannot take a job gives it back");

    // It takes the job and dies before it has read the mapping.
    scene.running.plan("GetItem", Fault::Hold(arrived.clone()));
    let (syncer, job, deadline) =
        (scene.running.syncer.clone(), scene.closed.clone(), scene.running.deadline());
    let dying = tokio::spawn(async move { deliver(&syncer, &job, deadline).await });
    arrived.notified().await;
    dying.abort();
    assert!(dying.await.unwrap_err().is_cancelled());

    for (now, taken) in [(NOW, false), (deadline.lease(), false), (deadline.lease() + 1, true)] {
        scene.running.set_time(now);
        assert_eq!(scene.running.deliver(&scene.closed).await, taken, "{} s later", now - NOW);
        assert_eq!(scene.state().await == MappingState::Suspended, taken);
        assert_eq!(
            (scene.records().await, scene.running.announced()),
            (usize::from(taken), usize::from(taken))
        );
    }
}

#[tokio::test]
async fn a_job_that_could_not_be_done_can_be_taken_again_at_once() {
    let scene = Scene::new().await;
    scene.running.plan("GetItem", Fault::Refuse);
    assert!(!scene.running.deliver(&scene.closed).await);
    assert_eq!(scene.state().await, MappingState::Active);
    assert!(scene.running.deliver(&scene.closed).await);
    assert_eq!((scene.state().await, scene.records().await), (MappingState::Suspended, 1));
}

#[tokio::test]
async fn the_same_id_in_another_workspace_is_another_job() {
    let scene = Scene::new().await;
    let other: TenantId = "T11".parse().unwrap();
    scene.tables.put_mapping(&mapping(&other)).await.unwrap();
    assert!(scene.running.deliver(&scene.closed).await);
    assert!(scene.running.deliver(&AdminJob { tenant: other.clone(), ..scene.closed.clone() }).await);
    let state = scene.tables.mapping(&other, &mapping(&other).item).await.unwrap().unwrap().state;
    assert_eq!((state, scene.running.announced()), (MappingState::Suspended, 2));
}
