//! Conversations: whose they are, what is remembered of them.
use crate::chat::Chat;
use crate::fake_provider::{FakeProvider, says};
use adjutant::access::Actor;
use adjutant::chat::{Ask, Error, Settings};
use adjutant::db::turns;
use std::time::Duration;

#[tokio::test]
async fn conversations_belong_to_their_owner_and_organisation() {
    let chat = Chat::new(vec![says(&["Mine."])]).await;
    let turn = chat.answer("hello").await;
    let (id, conversation) = (turn.turn_id, turn.conversation_id);
    let other = chat.world.other_org().await;
    for stranger in [&chat.world.approver, &chat.world.admin, &other.marketer, &other.admin] {
        assert!(matches!(chat.service.events(stranger, id, 0).await.err(), Some(Error::NotFound("turn"))));
        assert!(matches!(chat.service.finished(stranger, id).await.err(), Some(Error::NotFound("turn"))));
        assert!(matches!(chat.service.cancel(stranger, id).await, Err(Error::NotFound("turn"))));
        let feedback = chat.service.feedback(stranger, id, turns::Rating::Up, None).await;
        assert!(matches!(feedback, Err(Error::NotFound("turn"))));
        let ask = Ask { message: "and?".into(), conversation_id: Some(conversation), ..Ask::default() };
        assert!(matches!(chat.service.ask(stranger, ask).await, Err(Error::NotFound("conversation"))));
        let read = chat.service.conversation(stranger, conversation, 10).await;
        assert!(matches!(read, Err(Error::NotFound("conversation"))));
        assert!(matches!(chat.service.rename(stranger, conversation, "x").await, Err(Error::NotFound(_))));
        assert!(matches!(chat.service.delete(stranger, conversation).await, Err(Error::NotFound(_))));
        assert!(chat.service.conversations(stranger, None, 10).await.unwrap().conversations.is_empty());
    }
    let mut without: Actor = chat.world.marketer.clone();
    without.permissions.clear();
    assert!(matches!(chat.service.events(&without, id, 0).await.err(), Some(Error::Missing(_))));
}

#[tokio::test]
async fn conversations_are_listed_renamed_and_deleted() {
    let chat =
        Chat::with(FakeProvider::answering(|_, _| says(&["Yes."])).await, |_| {}, Settings::default()).await;
    let actor = &chat.world.marketer;
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(chat.answer(&format!("question {n}")).await.conversation_id);
        chat.world.clock.advance(Duration::from_secs(60));
    }
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let page = chat.service.conversations(actor, cursor.as_deref(), 2).await.unwrap();
        seen.extend(page.conversations.iter().map(|c| c.id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    ids.reverse();
    assert_eq!(seen, ids);
    chat.service.rename(actor, ids[0], " New\u{7} name ").await.unwrap();
    let (conversation, turns) = chat.service.conversation(actor, ids[0], 10).await.unwrap();
    assert_eq!((conversation.title.as_str(), turns.len()), ("New name", 1));
    chat.service.delete(actor, ids[0]).await.unwrap();
    assert!(matches!(chat.service.conversation(actor, ids[0], 10).await, Err(Error::NotFound(_))));
    assert!(matches!(chat.service.conversations(actor, Some("x"), 2).await, Err(Error::Invalid { .. })));
}

#[tokio::test]
async fn earlier_turns_are_told_to_the_model() {
    // Five tokens a turn: six of them are shown word for word.
    let settings = Settings { context_tokens: 32, ..Settings::default() };
    let chat = Chat::with(FakeProvider::answering(|_, _| says(&["Fine."])).await, |_| {}, settings).await;
    let mut conversation_id = None;
    for n in 0..9 {
        let ask = Ask { message: format!("question {n}?"), conversation_id, ..Ask::default() };
        let handle = chat.service.ask(&chat.world.marketer, ask).await.unwrap();
        chat.service.finished(&chat.world.marketer, handle.turn_id).await.unwrap();
        chat.world.clock.advance(Duration::from_secs(1));
        conversation_id = Some(handle.conversation_id);
    }
    assert_eq!(chat.provider.faults(), Vec::<String>::new());
    let requests = chat.provider.requests();
    let last = requests.last().unwrap()["messages"].as_array().unwrap();
    let texts: Vec<&str> = last[1..].iter().filter_map(|m| m["content"].as_str()).collect();
    assert!(texts[0].starts_with("<data>") && texts[0].contains("question 1?"), "{}", texts[0]);
    assert_eq!(texts[1..4], ["question 2?", "Fine.", "question 3?"]);
    assert_eq!(texts.last(), Some(&"question 8?"));
}
