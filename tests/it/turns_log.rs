//! The turn's rows: idempotent questions, leases, a log with one writer.
use crate::world::World;
use adjutant::access::Surface;
use adjutant::chat::ledger::Ledger;
use adjutant::clock::Clock as _;
use adjutant::db::OrgTx;
use adjutant::db::conversations::{self, NewConversation, Visibility};
use adjutant::db::turns::{self, CallEnd, Created, NewCall, NewEvent, NewTurn, Opening, Page};
use adjutant::ids::{ConversationId, TurnId};
use serde_json::json;
use std::sync::Arc;
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
    let now = world.clock.now();
    let conversation = conversations::open(&mut tx, world.org, &new, now).await.unwrap();
    let id = TurnId::new(&*world.clock);
    let turn = NewTurn {
        id,
        conversation: conversation.id,
        asker: world.marketer.member,
        api_key: None,
        surface: Surface::Http,
        question,
        context: &json!({}),
        prompt_version: "",
        idempotency_key: key,
    };
    // Its first owner died before it could say more.
    let opening = Opening {
        owner: "dead",
        lease_until: now - Duration::from_secs(1),
        conversation: None,
        first: line(world, 1),
    };
    let created = turns::create(&mut tx, world.org, &turn, &opening, now).await.unwrap();
    tx.commit().await.unwrap();
    (id, created)
}

fn line(world: &World, seq: i32) -> NewEvent {
    NewEvent { seq, at: world.clock.now(), kind: "status", payload: json!({"line": seq}) }
}

fn page(turn: TurnId, owner: &str, events: Vec<NewEvent>) -> Page {
    Page { turn, owner: owner.to_owned(), events, calls: Vec::new(), renew: None }
}

async fn append(tx: &mut OrgTx, world: &World, turn: TurnId, owner: &str, events: Vec<NewEvent>) -> bool {
    turns::append_all(tx, world.org, &[&page(turn, owner, events)]).await.unwrap()[0]
}

/// Pages of many turns go to the database together; what it will not take of one turn costs that one only.
#[tokio::test]
async fn a_page_that_cannot_be_stored_does_not_take_the_others_with_it() {
    let world = World::new().await;
    let mut turns = Vec::new();
    for question in ["one", "two", "three", "lost"] {
        turns.push(ask(&world, question, None).await.0);
    }
    let (ledger, other) = (Ledger::new(world.db.clone()), world.other_org().await);
    let store = |org, turn: usize, owner: &str, kind: &'static str| {
        let event = NewEvent { kind, ..line(&world, 2) };
        ledger.append(org, Arc::new(page(turns[turn], owner, vec![event])))
    };
    let (good, bad, also, foreign, elsewhere) = tokio::join!(
        store(world.org, 0, "dead", "status"),
        store(world.org, 1, "dead", "no.such.kind"),
        store(world.org, 2, "dead", "status"),
        store(world.org, 3, "thief", "status"),
        store(other.org, 0, "dead", "status"),
    );
    assert!(good.unwrap() && also.unwrap(), "the good ones are stored");
    assert!(bad.unwrap_err().to_string().contains("turn_events"), "the bad one is told");
    assert!(!foreign.unwrap() && !elsewhere.unwrap(), "neither another owner's nor another organisation's");
    let mut tx = world.db.org(world.org).await.unwrap();
    let stored: Vec<(uuid::Uuid, i64)> = sqlx::query_as(
        "select turn_id, count(*) filter (where seq = 2) from turn_events group by turn_id order by turn_id",
    )
    .fetch_all(&mut *tx)
    .await
    .unwrap();
    let mut expected: Vec<(uuid::Uuid, i64)> =
        turns.iter().zip([1, 0, 1, 0]).map(|(turn, events)| (turn.0, events)).collect();
    expected.sort();
    assert_eq!(stored, expected);
    // And the turn of the bad page goes on.
    assert!(store(world.org, 1, "dead", "status").await.unwrap());
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
    assert!(append(&mut tx, &world, turn, "a", vec![line(&world, 1), line(&world, 2)]).await);
    let again = append(&mut tx, &world, turn, "a", vec![line(&world, 2), line(&world, 3)]).await;
    assert!(again, "said again after a commit whose answer was lost");
    assert!(!append(&mut tx, &world, turn, "b", vec![line(&world, 4)]).await);
    assert!(turns::abandoned(&mut tx, org, now, now, 10).await.unwrap().is_empty());
    let later = soon + Duration::from_secs(1);
    assert_eq!(turns::abandoned(&mut tx, org, later, now, 10).await.unwrap(), [turn]);
    assert!(
        turns::take_lease(&mut tx, org, turn, "b", later, later + Duration::from_secs(15)).await.unwrap()
    );
    let late =
        Page { renew: Some(later + Duration::from_secs(60)), ..page(turn, "a", vec![line(&world, 4)]) };
    assert_eq!(turns::append_all(&mut tx, org, &[&late]).await.unwrap(), [false]);
    let lease = turns::get(&mut tx, org, turn).await.unwrap().unwrap().lease_until;
    assert_eq!(lease, Some(later + Duration::from_secs(15)), "nobody renews another's lease");
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
    append(&mut tx, &world, turn, "a", vec![line(&world, 1)]).await;
    let end =
        turns::cancel(&mut tx, org, turn, &json!({"code": "turn.cancelled"}), now).await.unwrap().unwrap();
    assert_eq!(
        (end.seq, end.kind.as_str()),
        (1 + turns::GAP, "turn.cancelled"),
        "beyond what was sent and not stored"
    );
    assert!(turns::cancel(&mut tx, org, turn, &json!({}), now).await.unwrap().is_none());
    assert!(!append(&mut tx, &world, turn, "a", vec![line(&world, 3)]).await);
    assert!(!turns::take_lease(&mut tx, org, turn, "a", now, now).await.unwrap());
}

#[tokio::test]
async fn pages_of_many_turns_are_written_together_each_for_its_owner_only() {
    let world = World::new().await;
    let (org, now) = (world.org, world.clock.now());
    let (first, second) = (ask(&world, "why?", None).await.0, ask(&world, "and now?", None).await.0);
    let mut tx = world.db.org(org).await.unwrap();
    for turn in [first, second] {
        turns::take_lease(&mut tx, org, turn, "a", now, now + Duration::from_secs(9)).await.unwrap();
    }
    let call = |end| NewCall {
        call_id: "c1".to_owned(),
        tool: "spend_by_channel".to_owned(),
        params: json!({"channel": "email"}),
        begun_at: now,
        end,
    };
    let until = now + Duration::from_secs(12);
    let begun =
        Page { calls: vec![call(None)], renew: Some(until), ..page(first, "a", vec![line(&world, 2)]) };
    let ended = CallEnd { elapsed_ms: 7, ..CallEnd::default() };
    let done = Page { calls: vec![call(Some(ended))], ..page(second, "a", vec![line(&world, 2)]) };
    // The dead owner of the first turn speaks at the same time as its new one.
    let stale = Page { calls: vec![call(None)], ..page(first, "dead", vec![line(&world, 3)]) };
    let written = turns::append_all(&mut tx, org, &[&stale, &begun, &done]).await.unwrap();
    assert_eq!(written, [false, true, true]);
    // A call that has ended stays so, whatever is said of its beginning afterwards.
    let again = Page { calls: vec![call(None)], ..page(second, "a", Vec::new()) };
    assert_eq!(turns::append_all(&mut tx, org, &[&again]).await.unwrap(), [true]);
    for (turn, state) in [(first, "started"), (second, "completed")] {
        assert_eq!(turns::last_seq(&mut tx, org, turn).await.unwrap(), 2);
        let calls = turns::calls(&mut tx, org, turn).await.unwrap();
        assert_eq!(calls.iter().map(|call| call.state.as_str()).collect::<Vec<_>>(), [state]);
    }
    let lease = |turn: turns::Turn| turn.lease_until;
    assert_eq!(turns::get(&mut tx, org, first).await.unwrap().map(lease), Some(Some(until)));
    let other = Some(Some(now + Duration::from_secs(9)));
    assert_eq!(turns::get(&mut tx, org, second).await.unwrap().map(lease), other, "not asked for");
}
