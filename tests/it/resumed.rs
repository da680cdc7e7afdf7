//! What a turn that changed hands may do, what it tells again, and what it has cost.
use crate::chat::{Chat, alive, end, killed, killed_as, sound};
use crate::fake_provider::{End, FakeProvider, Reply, calls, delta, says};
use crate::turn_tools::{WASTE, count, outputs, over, shop, words};
use adjutant::access::{Actor, Permission, Surface};
use adjutant::chat::{FinishedTurn, Settings, TurnEvent, TurnEventKind};
use adjutant::clock::Clock as _;
use adjutant::db::credentials::{self, NewApiKey};
use adjutant::ids::{ApiKeyId, TurnId};
use serde_json::{Value, json};
use std::time::Duration;

/// The marketer behind a key that may ask and read, and no more.
async fn reader(chat: &Chat) -> (Actor, ApiKeyId) {
    let world = &chat.world;
    let text = credentials::new_key_text(&mut rand::rng());
    let mut scopes = world.marketer.permissions.clone();
    scopes.remove(&Permission::DraftCreate);
    let new = NewApiKey {
        name: "reads",
        member: world.marketer.member,
        scopes: &scopes,
        per_minute: 100,
        expires_at: None,
    };
    let id = ApiKeyId::new(&*world.clock);
    let mut tx = world.db.org(world.org).await.unwrap();
    credentials::create_api_key(&mut tx, world.org, id, &text, &new, world.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    let signed = credentials::sign_in_with_key(&world.db, &text, Surface::Http, world.clock.now()).await;
    (signed.unwrap().unwrap().actor, id)
}

fn spoken(event: &TurnEvent) -> bool {
    matches!(event.kind, TurnEventKind::Text { .. })
}

fn speaking() -> Reply {
    Reply::Stream(vec![delta(json!({"content": "So far"}))], End::Hang)
}

fn tools(request: &Value) -> Vec<&str> {
    request["tools"].as_array().unwrap().iter().map(|t| t["function"]["name"].as_str().unwrap()).collect()
}

/// The lease runs out, and this replica goes on.
async fn taken_over(chat: &Chat, turn: TurnId) -> FinishedTurn {
    chat.world.clock.advance(Duration::from_secs(10));
    assert_eq!(chat.service.recover().await.unwrap(), 1);
    let done = chat.service.finished(&chat.world.marketer, turn).await.unwrap();
    sound(&done.events);
    assert_eq!(chat.provider.faults(), Vec::<String>::new());
    done
}

#[tokio::test]
async fn a_turn_goes_on_with_no_more_than_its_key_may() {
    let chat = shop(vec![speaking(), says(&["Done."])]).await;
    let (actor, _) = reader(&chat).await;
    let turn = killed_as(&chat, &actor, "waste?", spoken).await;
    assert_eq!(end(&taken_over(&chat, turn).await), "answered by fake-1: Done.");
    let requests = chat.provider.requests();
    assert!(tools(&requests[0]).contains(&WASTE));
    assert_eq!(tools(&requests[0]), tools(&requests[1]));
    assert!(!tools(&requests[1]).contains(&"pause_campaign"), "the key may not draft, before or after");
}

#[tokio::test]
async fn a_key_that_was_ended_ends_the_turn_it_began() {
    let chat = shop(vec![speaking()]).await;
    let (actor, key) = reader(&chat).await;
    let turn = killed_as(&chat, &actor, "waste?", spoken).await;
    let mut tx = chat.world.db.org(chat.world.org).await.unwrap();
    assert!(credentials::revoke_api_key(&mut tx, chat.world.org, key, chat.world.clock.now()).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(end(&taken_over(&chat, turn).await), "turn.interrupted");
    assert_eq!(chat.provider.requests().len(), 1, "no model is asked on its behalf");
    let mut connection = chat.world.superuser().await;
    let told = "select count(*) from turns where length(prompt_version) = 12";
    assert_eq!(count(&mut connection, told).await, 1, "a failed turn has its prompt version");
}

/// A page of the log was cut right behind `tool.completed`: what stood after it is told by the new owner.
#[tokio::test]
async fn what_was_cut_behind_a_finished_call_is_told_again() {
    for lost in ["chart", "draft.created"] {
        let provider = FakeProvider::answering(move |n, request| match (lost, outputs(request).len(), n) {
            ("chart", 0, _) => calls(&[("w", WASTE, json!({}))]),
            (_, 0, _) => calls(&[("b", "generate_content_brief", json!({"keyword": "trail shoes"}))]),
            (_, _, 2) => Reply::Stream(Vec::new(), End::Hang),
            _ => says(&["It is there."]),
        });
        let chat = over(provider.await, Settings::default()).await;
        let (turn, replica) = alive(&chat, "what now?", move |event| event.kind.word() == lost).await;
        let mut connection = chat.world.superuser().await;
        while count(&mut connection, "select count(*) from turn_events where kind = 'tool.completed'").await
            == 0
        {
            tokio::task::yield_now().await;
        }
        replica.shutdown_background();
        // The log as a kill between the two would have left it.
        let cut =
            format!("set session_replication_role = replica; delete from turn_events where kind = '{lost}'");
        sqlx::raw_sql(sqlx::AssertSqlSafe(cut)).execute(&mut connection).await.unwrap();
        let done = taken_over(&chat, turn).await;
        assert_eq!(end(&done), "answered by fake-1: It is there.");
        assert_eq!(words(&done).iter().filter(|word| **word == lost).count(), 1, "{lost}");
        assert_eq!(words(&done).iter().filter(|word| **word == "tool.completed").count(), 1, "{lost}");
    }
}

#[tokio::test]
async fn a_resumed_turn_remembers_what_it_has_spent() {
    let chat = shop(vec![calls(&[("w", WASTE, json!({}))]), speaking(), says(&["Done."])]).await;
    let turn = killed(&chat, "waste?", spoken).await;
    let done = taken_over(&chat, turn).await;
    let Some(TurnEventKind::Completed { tokens_in, tokens_out, .. }) = done.end() else { panic!() };
    assert!(*tokens_in >= 2_000 && *tokens_out >= 200, "{tokens_in} {tokens_out}");
}

#[tokio::test]
async fn the_record_says_what_answered() {
    let chat = shop(vec![speaking()]).await;
    chat.answer("/find_waste 30").await;
    let turn = chat.ask("hello").await.turn_id;
    chat.service.cancel(&chat.world.marketer, turn).await.unwrap();
    chat.service.finished(&chat.world.marketer, turn).await.unwrap();
    let mut connection = chat.world.superuser().await;
    let playbooks = "select count(*) from turns where route = 'playbook' and state = 'completed'";
    assert_eq!(count(&mut connection, playbooks).await, 1);
    let cancelled = "select count(*) from turns where length(prompt_version) = 12 and state = 'cancelled'";
    assert_eq!(count(&mut connection, cancelled).await, 1);
}
