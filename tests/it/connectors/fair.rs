//! Deliveries of many organisations: one whose platform hangs, or that is flooded, keeps the others from nothing.
use super::fake::{Fake, SECRET, Trouble};
use super::hooks::{Desk, SIGNS, changed, signed};
use super::rig::Case as _;
use super::stripe::SUBSCRIPTIONS;
use crate::world::Company;
use adjutant::clock::Clock as _;
use adjutant::daily::sync::Add;
use adjutant::db::audit::NewEntry;
use adjutant::db::let_go;
use adjutant::ids::{SourceId, new_uuid};
use adjutant::jobs::lanes::Lanes;
use adjutant::jobs::{hooks, sources};
use reqwest::StatusCode;
use secrecy::SecretString;
use serde_json::json;
use tokio_util::sync::CancellationToken;

/// Another organisation with a connection to a platform of its own.
struct Neighbour {
    company: Company,
    source: SourceId,
    fake: Fake,
}

impl Neighbour {
    async fn of(desk: &Desk) -> Self {
        let (company, fake) = (desk.rig.world.other_org().await, Fake::start(SUBSCRIPTIONS.platform()).await);
        let secret = |name: &str, value: &str| (name.to_owned(), SecretString::from(value));
        let now = desk.rig.clock.now();
        let add = Add {
            connector: "stripe",
            name: "Next door",
            config: json!({ "base_url": fake.url }).as_object().unwrap().clone(),
            secrets: [secret("api_key", SECRET), secret("webhook_secret", SIGNS)].into(),
            time_zone: "Europe/Zurich",
            currency: "EUR".parse().unwrap(),
        };
        let entry = |id| NewEntry::by_operator("source.added", "source", id, now);
        let (source, _) = desk.rig.engine.add(company.org, add, entry).await.unwrap();
        fake.anew();
        Self { company, source, fake }
    }

    async fn deliver(&self, desk: &Desk, n: i64) {
        let body = changed(&format!("evt_n{n}"), n);
        let header = signed(desk.rig.clock.now().as_second(), &body);
        let path = format!("/hooks/stripe/{}", self.source);
        let (status, said) = desk.send(&path, &[("stripe-signature", &header)], body.as_bytes()).await;
        assert_eq!(status, StatusCode::OK, "{said}");
    }

    async fn done(&self, desk: &Desk) -> i64 {
        let mut tx = desk.rig.world.db.org(self.company.org).await.unwrap();
        sqlx::query_scalar("select count(*) from webhook_events where state = 'done'")
            .fetch_one(&mut *tx)
            .await
            .unwrap()
    }
}

const DONE: &str = "select count(*) from webhook_events where state = 'done'";
const TAKEN: &str = "select count(*) from webhook_events where attempts > 0";

#[tokio::test]
async fn an_organisation_whose_platform_hangs_keeps_nobody_else_waiting() {
    let desk = Desk::new().await;
    let neighbour = Neighbour::of(&desk).await;
    for n in 1..=30 {
        desk.deliver(&changed(&format!("evt_{n}"), n)).await;
    }
    desk.rig.fake.trouble(0, Trouble::Hang);
    neighbour.deliver(&desk, 1).await;
    let (lanes, stop, owner) = (Lanes::new(2, 1), CancellationToken::new(), new_uuid(&*desk.rig.clock));
    let begin = async || hooks::begin(&desk.rig.engine, owner, &lanes, &stop).await.unwrap();
    assert_eq!(begin().await, 2);
    desk.rig.fake.heard(10).await;
    for n in 1..=3 {
        lanes.quiet(|_, source| source == neighbour.source).await;
        assert_eq!(neighbour.done(&desk).await, n);
        // What comes while the other one still hangs is worked on all the same.
        neighbour.deliver(&desk, n + 1).await;
        assert_eq!(begin().await, 1);
    }
    lanes.quiet(|_, source| source == neighbour.source).await;
    assert_eq!((neighbour.done(&desk).await, neighbour.fake.asked().len()), (4, 4));
    // Of the one that hangs a few are in hand, and the others wait for them.
    assert_eq!((desk.rig.count(TAKEN).await, desk.rig.count(DONE).await), (10, 0));
    stop.cancel();
    lanes.quiet(|_, _| true).await;
    assert_eq!(begin().await, 0);
}

#[tokio::test]
async fn an_organisation_whose_platform_hangs_keeps_nobody_else_unread() {
    let desk = Desk::new().await;
    let neighbour = Neighbour::of(&desk).await;
    desk.rig.fake.trouble(0, Trouble::Hang);
    let (lanes, stop) = (Lanes::new(2, 1), CancellationToken::new());
    assert_eq!(sources::begin(&desk.rig.engine, &lanes, &stop).await.unwrap(), 2);
    desk.rig.fake.heard(1).await;
    lanes.quiet(|org, ()| org == neighbour.company.org).await;
    let mut tx = desk.rig.world.db.org(neighbour.company.org).await.unwrap();
    let read: i64 = sqlx::query_scalar("select count(*) from sync_runs where state = 'succeeded'")
        .fetch_one(&mut *tx)
        .await
        .unwrap();
    let_go(tx);
    assert!(read > 0 && !neighbour.fake.asked().is_empty(), "{read}");
    // The other one is still at its first stream; the next round begins only for who is done.
    assert_eq!(sources::begin(&desk.rig.engine, &lanes, &stop).await.unwrap(), 1);
    stop.cancel();
    lanes.quiet(|_, ()| true).await;
}

#[tokio::test]
async fn a_flood_of_deliveries_lets_others_through_after_each_handful() {
    let desk = Desk::new().await;
    let neighbour = Neighbour::of(&desk).await;
    for n in 1..=40 {
        desk.deliver(&changed(&format!("evt_{n}"), n)).await;
    }
    // The second handful is not answered, so that it shows how far the flood came.
    (11..=20).for_each(|request| desk.rig.fake.trouble(request, Trouble::Hang));
    neighbour.deliver(&desk, 1).await;
    // Room for one alone.
    let (lanes, stop, owner) = (Lanes::new(1, 1), CancellationToken::new(), new_uuid(&*desk.rig.clock));
    hooks::begin(&desk.rig.engine, owner, &lanes, &stop).await.unwrap();
    lanes.quiet(|_, source| source == neighbour.source).await;
    assert_eq!(neighbour.done(&desk).await, 1);
    assert!(desk.rig.count(DONE).await <= 10, "one handful at most went before");
    stop.cancel();
    lanes.quiet(|_, _| true).await;
}
