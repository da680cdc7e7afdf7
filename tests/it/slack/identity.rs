//! Who is asking: members by confirmed address or by code, and everybody else.
use super::stored::{inbound, outgoing, post_event, worked};
use super::workspace::Workspace;
use adjutant::access::{Permission, Role, Surface};
use adjutant::clock::Clock as _;
use adjutant::db::slack::people;
use adjutant::fake_slack::{Fault, Options, Person, TEAM, Transport};
use adjutant::ids::MemberId;
use adjutant::slack::who::Who;
use adjutant::slack::wire::{ChannelKind, Origin};
use jiff::ToSpan as _;
use secrecy::ExposeSecret as _;
use sqlx::Executor as _;
use std::time::Duration;

fn origin(user: &str) -> Origin {
    Origin {
        team: TEAM.to_owned(),
        user: user.to_owned(),
        channel: Some("C0MARKETING".to_owned()),
        channel_kind: ChannelKind::Channel,
        ..Origin::default()
    }
}

async fn who(w: &Workspace, origin: &Origin) -> Who {
    w.slack.who(w.world.org, origin).await.unwrap()
}

async fn linked(w: &Workspace) -> Vec<(String, String)> {
    let mut tx = w.world.db.org(w.world.org).await.unwrap();
    sqlx::query_as("select external_user, verified_by from identities order by 1")
        .fetch_all(&mut *tx)
        .await
        .unwrap()
}

/// Who is linked by a code; others are known by their confirmed address.
async fn by_code(w: &Workspace) -> Vec<String> {
    let linked = linked(w).await.into_iter();
    linked.filter(|(_, by)| by == "link").map(|(user, _)| user).collect()
}

/// A one-time code for a member.
async fn code(w: &Workspace, member: MemberId) -> String {
    let code = people::new_code(&mut rand::rng());
    let now = w.world.clock.now();
    let mut tx = w.world.db.org(w.world.org).await.unwrap();
    let until = now.checked_add(15.minutes()).unwrap();
    people::keep_code(&mut tx, w.world.org, member, &code, now, until).await.unwrap();
    tx.commit().await.unwrap();
    code.expose_secret().to_owned()
}

#[tokio::test]
async fn a_member_is_known_by_the_confirmed_address_with_the_role_of_the_moment() {
    let w = Workspace::new(Transport::Http).await;
    let Who::Member(mara) = who(&w, &origin("U0MARA")).await else { panic!() };
    assert_eq!(
        (mara.member, mara.role, mara.surface),
        (w.actor("mara").member, Role::Marketer, Surface::Slack)
    );
    assert_eq!(linked(&w).await, [("U0MARA".to_owned(), "email".to_owned())]);
    let mut tx = w.world.db.org(w.world.org).await.unwrap();
    tx.execute("update members set role = 'viewer' where name like 'Mara%'").await.unwrap();
    tx.commit().await.unwrap();
    let Who::Member(mara) = who(&w, &origin("U0MARA")).await else { panic!() };
    assert!(!mara.may(Permission::DraftCreate), "the role changed a moment ago");
    let mut tx = w.world.db.org(w.world.org).await.unwrap();
    tx.execute("update members set state = 'disabled' where name like 'Mara%'").await.unwrap();
    tx.commit().await.unwrap();
    assert!(matches!(who(&w, &origin("U0MARA")).await, Who::Unlinked));
}

#[tokio::test]
async fn nobody_else_is_taken_for_a_member() {
    let unconfirmed = |options: &mut Options| {
        let mut nina = Person::member("U0NINA", "Nina Vague", "adele.moser@alpine.example");
        nina.email_confirmed = false;
        options.people.push(nina);
    };
    let w = Workspace::with(Transport::Http, None, unconfirmed).await;
    assert!(matches!(who(&w, &origin("U0NILS")).await, Who::Unlinked), "no account");
    assert!(
        matches!(who(&w, &origin("U0NINA")).await, Who::Unlinked),
        "the administrator's address, unconfirmed"
    );
    assert!(matches!(who(&w, &origin("U0GIL")).await, Who::Guest));
    assert!(matches!(who(&w, &origin("U0STELLA")).await, Who::Foreign), "Slack says so");
    assert!(matches!(who(&w, &origin("U0ROBOT")).await, Who::Bot));
    assert!(matches!(who(&w, &origin("U0NEVER")).await, Who::Unlinked), "unknown to Slack");
    assert!(matches!(who(&w, &origin("")).await, Who::Bot));
    let from_elsewhere = Origin { user_team: Some("T0OTHER".to_owned()), ..origin("U0MARA") };
    assert!(matches!(who(&w, &from_elsewhere).await, Who::Foreign), "the payload says so");
    let by_app = Origin { is_bot: true, ..origin("U0MARA") };
    assert!(matches!(who(&w, &by_app).await, Who::Bot));
    assert!(linked(&w).await.is_empty());
    // The user of the same name in another organisation's tables is nobody here.
    let other = w.world.other_org().await;
    assert!(matches!(w.slack.who(other.org, &origin("U0MARA")).await.unwrap(), Who::Unlinked));
}

#[tokio::test]
async fn a_guest_who_was_linked_before_stays_out() {
    let w = Workspace::new(Transport::Http).await;
    let mut tx = w.world.db.org(w.world.org).await.unwrap();
    let link = people::VerifiedBy::Link;
    let now = w.world.clock.now();
    people::link(&mut tx, w.world.org, (TEAM, "U0GIL"), w.actor("mara").member, link, now).await.unwrap();
    tx.commit().await.unwrap();
    assert!(matches!(who(&w, &origin("U0GIL")).await, Who::Guest));
}

#[tokio::test]
async fn a_code_links_once_and_only_in_time() {
    let w = Workspace::new(Transport::Http).await;
    let first = code(&w, w.actor("vito").member).await;
    w.fake.command("nils", "marketing", "/adjutant", &format!("link {}", first.to_uppercase())).unwrap();
    w.fake.settled().await;
    worked(&w).await;
    let Who::Member(nils) = who(&w, &origin("U0NILS")).await else { panic!() };
    assert_eq!(nils.member, w.actor("vito").member);
    // Used: good for nobody else.
    w.fake.command("aron", "marketing", "/adjutant", &format!("link {first}")).unwrap();
    let late = code(&w, w.actor("adele").member).await;
    w.pass(Duration::from_secs(901));
    w.fake.command("aron", "marketing", "/adjutant", &format!("link {late}")).unwrap();
    w.fake.settled().await;
    worked(&w).await;
    assert_eq!(by_code(&w).await, ["U0NILS"]);
    // A newer code ends the one before.
    let (old, _new) = (code(&w, w.actor("adele").member).await, code(&w, w.actor("adele").member).await);
    w.fake.dm("aron", &format!("link {old}")).unwrap();
    w.fake.settled().await;
    worked(&w).await;
    assert_eq!(by_code(&w).await, ["U0NILS"]);
}

#[tokio::test]
async fn a_code_said_in_public_is_void() {
    let w = Workspace::new(Transport::Http).await;
    let code = code(&w, w.actor("adele").member).await;
    w.fake.mention("nils", "marketing", &format!("link {code}")).unwrap();
    w.fake.settled().await;
    worked(&w).await;
    w.fake.dm("vito", &format!("link {code}")).unwrap();
    w.fake.settled().await;
    worked(&w).await;
    assert!(by_code(&w).await.is_empty(), "neither who said it nor who read it");
}

#[tokio::test]
async fn guests_and_strangers_cannot_use_a_code() {
    let w = Workspace::new(Transport::Http).await;
    let code = code(&w, w.actor("adele").member).await;
    w.fake.command("gil", "marketing", "/adjutant", &format!("link {code}")).unwrap();
    w.fake.settled().await;
    worked(&w).await;
    assert!(linked(&w).await.is_empty());
    let told = w.said("marketing", "members of this workspace only").await;
    assert_eq!(told.ephemeral_to.as_deref(), Some("U0GIL"));
}

#[tokio::test]
async fn a_shared_channel_is_silent_until_an_administrator_consents() {
    let w = Workspace::new(Transport::Http).await;
    let there = |user: &str| Origin { channel: Some("C0PARTNERS".to_owned()), ..origin(user) };
    assert!(matches!(who(&w, &there("U0MARA")).await, Who::ChannelNotAllowed), "conversations.info says so");
    let told = Origin { shared_channel: true, channel: Some("C0MARKETING".to_owned()), ..origin("U0MARA") };
    assert!(matches!(who(&w, &told).await, Who::ChannelNotAllowed), "the payload says so");
    // Only an administrator, only in that channel.
    w.fake.mention("mara", "partners", "allow").unwrap();
    w.fake.mention("stella", "partners", "allow").unwrap();
    w.fake.mention("mara", "partners", "how much did we spend last week?").unwrap();
    w.fake.settled().await;
    worked(&w).await;
    let said = |channel: &str| w.fake.messages(channel).into_iter().filter(|m| m.by_app()).count();
    assert_eq!(said("partners"), 0, "{}", w.fake.story());
    assert!(outgoing(&w, "").await.is_empty());
    assert!(matches!(who(&w, &there("U0MARA")).await, Who::ChannelNotAllowed));
    w.fake.mention("adele", "partners", "allow").unwrap();
    w.fake.settled().await;
    worked(&w).await;
    assert!(matches!(who(&w, &there("U0MARA")).await, Who::Member(_)));
    assert!(matches!(who(&w, &there("U0STELLA")).await, Who::Foreign));
    w.fake.mention("adele", "partners", "disallow").unwrap();
    w.fake.settled().await;
    worked(&w).await;
    assert!(matches!(who(&w, &there("U0MARA")).await, Who::ChannelNotAllowed));
    w.said("partners", "I say nothing in this channel").await;
    let before = said("partners");
    w.fake.mention("mara", "partners", "how much did we spend last week?").unwrap();
    w.fake.settled().await;
    worked(&w).await;
    assert_eq!(said("partners"), before, "{}", w.fake.story());
}

#[tokio::test]
async fn apps_are_told_once_and_never_talked_to() {
    let w = Workspace::new(Transport::Http).await;
    for n in 0..5 {
        let payload = super::stored::event(
            &format!("EvB{n}"),
            serde_json::json!({"type": "app_mention", "channel": "C0MARKETING", "user": "U0ROBOT", "bot_id": "B0ROBOT",
                               "ts": format!("175810000{n}.0001"), "text": "<@U0ADJUTANT> hello"}),
        );
        post_event(&w, &payload).await;
    }
    worked(&w).await;
    assert_eq!(inbound(&w, "state", "true").await, ["done"; 5]);
    assert_eq!(outgoing(&w, "refused:").await.len(), 1);
}

#[tokio::test]
async fn who_is_not_known_while_slack_does_not_say_is_not_served() {
    let w = Workspace::new(Transport::Http).await;
    w.fake.fail_always("users.info", Fault::Status(500));
    assert!(w.slack.who(w.world.org, &origin("U0MARA")).await.is_err(), "an error, to be tried again");
}
