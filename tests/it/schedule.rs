//! Jobs at their hours: each slot runs once among replicas, after downtimes, deaths and failures too.
use crate::crash::program;
use crate::world::World;
use adjutant::clock::{Clock as _, SharedClock};
use adjutant::db::job_runs::{self, Claim, RunState, Wanted};
use adjutant::ids::new_uuid;
use adjutant::jobs::schedule::{JOBS, Job, Scheduler, When};
use std::process::Stdio;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

fn scheduler(world: &World) -> Scheduler {
    let clock: SharedClock = world.clock.clone();
    Scheduler::new(world.db.clone(), clock)
}

fn job(name: &str) -> &'static Job {
    JOBS.iter().find(|job| job.name == name).unwrap()
}

/// The runs of a job, oldest first: slot, state, attempts, crashes.
async fn runs(world: &World, job: &str) -> Vec<String> {
    let mut tx = world.db.org(world.org).await.unwrap();
    let mut runs = job_runs::history(&mut tx, world.org, Some(job), 100).await.unwrap();
    runs.reverse();
    let slot = |run: &job_runs::Run| run.slot.map_or_else(|| run.trigger.clone(), |slot| slot.to_string());
    runs.iter().map(|run| format!("{} {} {} {}", slot(run), run.state, run.attempts, run.crashes)).collect()
}

#[tokio::test]
async fn of_two_replicas_one_runs_each_slot_and_a_downtime_is_made_up_for_once() {
    let world = World::new().await;
    let (one, two) = (scheduler(&world), scheduler(&world));
    let cleanup = job("cleanup");
    let together = async || {
        let (a, b) = tokio::join!(one.round(cleanup), two.round(cleanup));
        a.unwrap() + b.unwrap()
    };
    assert_eq!(together().await, 1);
    assert_eq!(together().await, 0);
    world.clock.advance(HOUR);
    assert_eq!(together().await, 1);
    // Nobody is up for three days.
    world.clock.advance(72 * HOUR);
    assert_eq!(together().await, 1);
    assert_eq!(
        runs(&world, "cleanup").await,
        [
            "2025-09-17T08:10:00Z succeeded 1 0",
            "2025-09-17T09:10:00Z succeeded 1 0",
            "2025-09-20T09:10:00Z succeeded 1 0"
        ]
    );
    let mut tx = world.db.org(world.org).await.unwrap();
    let last = job_runs::last_done(&mut tx, world.org, "cleanup", world.clock.now()).await.unwrap();
    assert_eq!(last.unwrap().to_string(), "2025-09-20T09:10:00Z");
}

#[tokio::test]
async fn a_slot_whose_runner_died_is_taken_over_until_it_has_killed_three() {
    let world = World::new().await;
    let survivor = scheduler(&world);
    let cleanup = job("cleanup");
    world.clock.advance(HOUR / 4);
    let slot = cleanup.when.last(world.clock.now());
    let dies = async |owner: &str| {
        let mut tx = world.db.org(world.org).await.unwrap();
        let wanted = Wanted { job: "cleanup", slot, owner, id: new_uuid(&*world.clock) };
        let claim = job_runs::claim(&mut tx, world.org, &wanted, world.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        claim
    };
    assert!(matches!(dies("first").await, Claim::Ours { attempt: 1, .. }));
    assert_eq!(survivor.round(cleanup).await.unwrap(), 0, "its runner may live");
    assert_eq!(dies("second").await, Claim::Busy);
    world.clock.advance(Duration::from_secs(301));
    assert!(matches!(dies("second").await, Claim::Ours { attempt: 2, .. }));
    world.clock.advance(Duration::from_secs(301));
    assert_eq!(survivor.round(cleanup).await.unwrap(), 1);
    assert_eq!(runs(&world, "cleanup").await, ["2025-09-17T09:10:00Z succeeded 3 2"]);

    world.clock.advance(HOUR);
    let slot = cleanup.when.last(world.clock.now());
    for owner in ["a", "b", "c"] {
        let mut tx = world.db.org(world.org).await.unwrap();
        let wanted = Wanted { job: "cleanup", slot, owner, id: new_uuid(&*world.clock) };
        assert!(matches!(
            job_runs::claim(&mut tx, world.org, &wanted, world.clock.now()).await.unwrap(),
            Claim::Ours { .. }
        ));
        tx.commit().await.unwrap();
        world.clock.advance(Duration::from_secs(301));
    }
    assert_eq!(survivor.round(cleanup).await.unwrap(), 0);
    assert_eq!(runs(&world, "cleanup").await[1], "2025-09-17T10:10:00Z given_up 3 3");

    // One that died before the next one was due is not left as if it ran.
    world.clock.advance(HOUR);
    let slot = cleanup.when.last(world.clock.now());
    let mut tx = world.db.org(world.org).await.unwrap();
    let wanted = Wanted { job: "cleanup", slot, owner: "d", id: new_uuid(&*world.clock) };
    job_runs::claim(&mut tx, world.org, &wanted, world.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    world.clock.advance(HOUR);
    assert_eq!(survivor.round(cleanup).await.unwrap(), 1);
    let last = ["2025-09-17T11:10:00Z given_up 1 0", "2025-09-17T12:10:00Z succeeded 1 0"];
    assert_eq!(runs(&world, "cleanup").await[2..], last);
}

#[tokio::test]
async fn no_job_runs_beside_itself_neither_for_another_slot_nor_by_hand() {
    let world = World::new().await;
    let (long, other) = (job("cleanup"), scheduler(&world));
    let beat = async |owner: &str, id| {
        let mut tx = world.db.org(world.org).await.unwrap();
        let ours = job_runs::beat(&mut tx, world.org, (id, owner), world.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        assert!(ours);
    };
    let slot = long.when.last(world.clock.now());
    let wanted = Wanted { job: "cleanup", slot, owner: "long", id: new_uuid(&*world.clock) };
    let mut tx = world.db.org(world.org).await.unwrap();
    let Claim::Ours { id, .. } =
        job_runs::claim(&mut tx, world.org, &wanted, world.clock.now()).await.unwrap()
    else {
        panic!("nobody has it");
    };
    tx.commit().await.unwrap();
    // It lives on when the next one is due.
    world.clock.advance(HOUR);
    beat("long", id).await;
    assert_eq!(other.round(long).await.unwrap(), 0);
    let refused = other.run_now(world.org, long).await.unwrap().unwrap_err();
    assert!(refused.contains("cleanup runs already, since 2025-09-17T09:00:00Z"), "{refused}");
    let mut tx = world.db.org(world.org).await.unwrap();
    job_runs::finish(&mut tx, world.org, (id, "long"), &job_runs::End::Done(1), world.clock.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(other.round(long).await.unwrap(), 1);

    // By hand, and the hand's program is killed.
    let mut tx = world.db.org(world.org).await.unwrap();
    let by_hand = new_uuid(&*world.clock);
    let begun = job_runs::begin(&mut tx, world.org, ("cleanup", "hand", by_hand), world.clock.now()).await;
    assert_eq!(begun.unwrap(), None);
    tx.commit().await.unwrap();
    world.clock.advance(HOUR);
    beat("hand", by_hand).await;
    assert_eq!(other.round(long).await.unwrap(), 0);
    world.clock.advance(Duration::from_secs(301));
    assert_eq!(other.round(long).await.unwrap(), 1);
    assert_eq!(
        runs(&world, "cleanup").await,
        [
            "2025-09-17T08:10:00Z succeeded 1 0",
            "2025-09-17T09:10:00Z succeeded 1 0",
            "manual given_up 1 0",
            "2025-09-17T10:10:00Z succeeded 1 0"
        ]
    );
}

static FAILURES: AtomicI64 = AtomicI64::new(0);

#[tokio::test]
async fn a_slot_that_fails_is_tried_again_later_and_given_up_in_the_end() {
    let world = World::new().await;
    let moody = Job {
        name: "moody",
        when: When::Hourly(0),
        about: "fails as often as it is told to",
        run: |_| {
            Box::pin(async {
                anyhow::ensure!(FAILURES.fetch_sub(1, Ordering::SeqCst) <= 0, "the platform is away");
                Ok(7)
            })
        },
    };
    let scheduler = scheduler(&world);
    let round = async || scheduler.round(&moody).await.unwrap();
    FAILURES.store(1, Ordering::SeqCst);
    assert_eq!((round().await, round().await), (1, 0), "it waits for a minute");
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(round().await, 1);
    assert_eq!(runs(&world, "moody").await, ["2025-09-17T09:00:00Z succeeded 2 0"]);

    world.clock.advance(HOUR - Duration::from_secs(60));
    FAILURES.store(100, Ordering::SeqCst);
    let mut tried = 0;
    for _ in 0..30 {
        tried += round().await;
        world.clock.advance(Duration::from_secs(60));
    }
    assert_eq!(tried, 5);
    assert_eq!(runs(&world, "moody").await[1], "2025-09-17T10:00:00Z given_up 5 0");
    let mut tx = world.db.org(world.org).await.unwrap();
    let last = job_runs::history(&mut tx, world.org, Some("moody"), 1).await.unwrap().remove(0);
    assert_eq!((last.state, last.error.as_deref()), (RunState::GivenUp, Some("the platform is away")));
}

#[tokio::test]
async fn a_job_can_be_run_by_hand_and_its_history_read() {
    let world = World::new().await;
    let said = async |args: &[&str]| {
        let output = program(&world).arg("job").args(args).stdout(Stdio::piped()).output().await.unwrap();
        let words = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.success(), words)
    };
    let (fine, words) = said(&["history"]).await;
    assert!(fine && words.contains("no runs yet"), "{words}");
    let (fine, words) = said(&["run", "audit_chain"]).await;
    assert!(fine && words.starts_with("audit_chain: done, "), "{words}");
    assert_eq!(runs(&world, "audit_chain").await, ["manual succeeded 1 0"]);
    let (fine, words) = said(&["list"]).await;
    assert!(fine && words.contains("daily at 01:20 UTC") && words.contains("never ran"), "{words}");
    let (fine, words) = said(&["history", "audit_chain"]).await;
    assert!(fine && words.contains("audit_chain  by hand") && words.contains("succeeded"), "{words}");
    let (fine, words) = said(&["run", "chores"]).await;
    assert!(!fine && words.contains("there is no job 'chores'; there are: cleanup, audit_chain"), "{words}");
}
