//! The turn's rows: idempotent questions, leases, a log with one writer.
use crate::world::World;
use adjutant::access::Surface;
use adjutant::clock::Clock as _;
use adjutant::db::conversations::{self, NewConversation, Visibility};
use adjutant::db::turns::{self, Created, NewEvent, NewTurn};
use adjutant::ids::{ConversationId, TurnId};
use serde_json::json;
use std::time::Duration;

async fn ask(world: &World, question: &str, key: Option<&str>) -> (TurnId, Created) {
    let mut tx = world.db.org(world.org).await.unwrap();
    let new = NewConversation {
        id: ConversationId::new(&*world.clock),
        surface: Surface::Http,
        external_ref: Some("t/c/1"),
        title: "Waste",
        owner: world.marketer.member,
        visibility: Visibility::Private,
    };
    let conversation = conversations::open(&mut tx, world.org, &new, world.clock.now()).await.unwrap();
    let id = TurnId::new(&*world.clock);
    let turn = NewTurn {
        id,
        conversation: conversation.id,
        asker: world.marketer.member,
        api_key: None,
        surface: Surface::Http,
        question,
        context: &json!({}),
        idempotency_key: key,
    };
    let created = turns::create(&mut tx, world.org, &turn, world.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    (id, created)
}

fn line(world: &World, seq: i32) -> NewEvent<'static> {
    NewEvent { seq, at: world.clock.now(), kind: "status", payload: json!({"line": seq}) }
}

#[tokio::test]
async fn a_key_makes_one_turn_and_names_it_to_its_asker() {
    let world = World::new().await;
    let (first, created) = ask(&world, "what burned money?", Some("k1")).await;
    assert_eq!(created, Created::New);
    assert_eq!(ask(&world, "what burned money?", Some("k1")).await.1, Created::Existing);
    assert_eq!(ask(&world, "what burned money?", None).await.1, Created::New);
    let mut tx = world.db.org(world.org).await.unwrap();
    let before = turns::by_key(&mut tx, world.org, world.marketer.member, "k1").await.unwrap().unwrap();
    assert_eq!((before.id, before.question.as_str()), (first, "what burned money?"));
    assert!(turns::by_key(&mut tx, world.org, world.viewer.member, "k1").await.unwrap().is_none());
    let listed = conversations::list(&mut tx, world.org, world.marketer.member, None, 10).await.unwrap();
    assert_eq!(listed.len(), 1, "one external reference, one conversation");
    assert!(!listed[0].may_be_read_by(world.viewer.member));
    let turns = turns::of_conversation(&mut tx, world.org, listed[0].id, 10).await.unwrap();
    assert_eq!(turns.len(), 2);
}

#[tokio::test]
async fn only_the_owner_of_the_lease_writes_and_a_lost_one_is_taken_over() {
    let world = World::new().await;
    let (turn, _) = ask(&world, "why?", None).await;
    let (org, now) = (world.org, world.clock.now());
    let soon = now + Duration::from_secs(15);
    let mut tx = world.db.org(org).await.unwrap();
    assert!(turns::take_lease(&mut tx, org, turn, "a", now, soon).await.unwrap());
    assert!(!turns::take_lease(&mut tx, org, turn, "b", now, soon).await.unwrap(), "held");
    assert!(turns::append(&mut tx, org, turn, "a", &[line(&world, 1), line(&world, 2)]).await.unwrap());
    let again = turns::append(&mut tx, org, turn, "a", &[line(&world, 2), line(&world, 3)]).await;
    assert!(again.unwrap(), "said again after a commit whose answer was lost");
    assert!(!turns::append(&mut tx, org, turn, "b", &[line(&world, 4)]).await.unwrap());
    assert!(turns::abandoned(&mut tx, org, now, now, 10).await.unwrap().is_empty());
    let later = soon + Duration::from_secs(1);
    assert_eq!(turns::abandoned(&mut tx, org, later, now, 10).await.unwrap(), [turn]);
    assert!(
        turns::take_lease(&mut tx, org, turn, "b", later, later + Duration::from_secs(15)).await.unwrap()
    );
    assert!(!turns::extend_lease(&mut tx, org, turn, "a", later).await.unwrap());
    assert!(!turns::append(&mut tx, org, turn, "a", &[line(&world, 4)]).await.unwrap());
    assert_eq!(turns::last_seq(&mut tx, org, turn).await.unwrap(), 3);
    let from_two = turns::events(&mut tx, org, turn, 2, 10).await.unwrap();
    assert_eq!((from_two.len(), from_two[0].seq, &from_two[0].payload), (2, 2, &json!({"line": 2})));
}

#[tokio::test]
async fn a_cancelled_turn_is_closed_once_and_its_owner_is_shut_out() {
    let world = World::new().await;
    let (turn, _) = ask(&world, "why?", None).await;
    let (org, now) = (world.org, world.clock.now());
    let mut tx = world.db.org(org).await.unwrap();
    turns::take_lease(&mut tx, org, turn, "a", now, now + Duration::from_secs(15)).await.unwrap();
    turns::append(&mut tx, org, turn, "a", &[line(&world, 1)]).await.unwrap();
    let end =
        turns::cancel(&mut tx, org, turn, &json!({"code": "turn.cancelled"}), now).await.unwrap().unwrap();
    assert_eq!(
        (end.seq, end.kind.as_str()),
        (1 + turns::GAP, "turn.cancelled"),
        "beyond what was sent and not stored"
    );
    assert!(turns::cancel(&mut tx, org, turn, &json!({}), now).await.unwrap().is_none());
    assert!(!turns::append(&mut tx, org, turn, "a", &[line(&world, 3)]).await.unwrap());
    assert!(!turns::take_lease(&mut tx, org, turn, "a", now, now).await.unwrap());
}
