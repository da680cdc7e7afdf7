//! The offline planner on a real database: questions become calls, results become answers.
use crate::served::{catalogue, planner};
use crate::world::World;
use adjutant::catalogue::{Catalogue, RunContext};
use adjutant::chat::offline::OfflinePlanner;
use adjutant::chat::{Parts, Service, Settings};
use adjutant::clock::SharedClock;
use adjutant::eval;
use adjutant::ids::{ConversationId, TurnId};
use adjutant::llm::{ChatEvent, ChatModel, ChatRequest, Message, Outcome, ToolCall, ToolSpec};
use futures::StreamExt as _;
use serde_json::{Map, Value, json};
use std::sync::Arc;

const SHOP: &str = include_str!("fixtures/shop.sql");

struct Talk {
    world: World,
    catalogue: Arc<Catalogue>,
    clock: SharedClock,
    planner: OfflinePlanner,
    messages: Vec<Message>,
}

/// What one turn did.
struct Turn {
    calls: Vec<ToolCall>,
    text: String,
    outcome: Outcome,
}

impl Turn {
    fn tools(&self) -> Vec<&str> {
        self.calls.iter().map(|c| c.name.as_str()).collect()
    }
}

impl Talk {
    async fn new() -> Self {
        let world = World::new().await;
        let mut tx = world.db.org(world.org).await.unwrap();
        // Without the fixture's own record of decisions, which is written by hand and no chain: drafts add to the record.
        let sql = SHOP.replace("{{org}}", &world.org.to_string());
        let sql: String =
            sql.split_inclusive(";\n").filter(|part| !part.contains("into audit_log")).collect();
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut *tx).await.expect("the fixture loads");
        tx.commit().await.unwrap();
        let clock: SharedClock = world.clock.clone();
        let planner = planner(world.db.clone(), clock.clone());
        Self { world, catalogue: catalogue(), clock, planner, messages: Vec::new() }
    }

    /// Asks, runs the calls as a driver would, and returns the whole turn.
    async fn ask(&mut self, question: &str) -> Turn {
        self.messages.push(Message::User { text: question.to_owned() });
        let mut turn = Turn { calls: Vec::new(), text: String::new(), outcome: Outcome::Answered };
        for _ in 0..8 {
            let mut calls = Vec::new();
            for event in self.round().await {
                match event {
                    ChatEvent::Text(text) => turn.text.push_str(&text),
                    ChatEvent::Call(call) => calls.push(call),
                    ChatEvent::Outcome(outcome) => turn.outcome = outcome,
                    _ => {}
                }
            }
            if calls.is_empty() {
                break;
            }
            self.messages.push(Message::Assistant { text: String::new(), calls: calls.clone() });
            for call in &calls {
                let message = self.run(call).await;
                self.messages.push(message);
            }
            turn.calls.extend(calls);
        }
        self.messages.push(Message::Assistant { text: turn.text.clone(), calls: Vec::new() });
        turn
    }

    async fn round(&self) -> Vec<ChatEvent> {
        let names = self.catalogue.queries.keys().cloned();
        let drafts = [
            "pause_campaign",
            "increase_budget",
            "decrease_budget",
            "reallocate_budget",
            "add_negative_keyword",
            "generate_content_brief",
        ];
        let tools: Vec<ToolSpec> = names
            .chain(drafts.map(str::to_owned))
            .map(|name| ToolSpec { name, description: String::new(), schema: json!({}), reads: true })
            .collect();
        let request = ChatRequest {
            actor: self.world.marketer.clone(),
            turn: TurnId::new(&*self.clock),
            conversation: ConversationId::new(&*self.clock),
            system: String::new(),
            messages: self.messages.clone(),
            tools: Arc::new(tools.into()),
            context: Map::new(),
            max_output_tokens: None,
            answer_by: None,
        };
        let stream = self.planner.stream(request).await.unwrap();
        stream.map(Result::unwrap).collect().await
    }

    async fn run(&self, call: &ToolCall) -> Message {
        let (result, failed) = if self.catalogue.queries.contains_key(&call.name) {
            let context = RunContext { actor: self.world.marketer.clone(), turn: None, reason: None };
            match self.catalogue.run(&self.world.db, &self.clock, &context, &call.name, &call.arguments).await
            {
                Ok(result) => (json!(result), false),
                Err(error) => (json!(error), true),
            }
        } else {
            (
                json!({"title": "a draft", "tier": "medium", "diff": ["Status: ACTIVE → PAUSED"], "arguments": call.arguments}),
                false,
            )
        };
        Message::Tool {
            call_id: call.id.clone(),
            name: call.name.clone(),
            content: String::new(),
            result,
            failed,
        }
    }
}

#[tokio::test]
async fn a_question_is_answered_from_its_query() {
    let mut talk = Talk::new().await;
    let turn = talk.ask("which campaigns wasted money in the last 30 days?").await;
    assert_eq!(turn.tools(), ["wasted_spend"]);
    assert_eq!(turn.outcome, Outcome::Answered);
    assert!(turn.text.contains("wasted_spend@6"), "{}", turn.text);
    assert!(turn.text.contains("without a conversion"), "{}", turn.text);
}

#[tokio::test]
async fn a_follow_up_keeps_window_and_filters() {
    let mut talk = Talk::new().await;
    talk.ask("funnel by channel last month").await;
    let turn = talk.ask("and for email?").await;
    assert_eq!(turn.tools(), ["funnel_by_channel"]);
    assert_eq!(turn.calls[0].arguments["channel"], json!("email"));
    assert_eq!(turn.calls[0].arguments["window"], json!({"start": "2025-08-01", "end": "2025-08-31"}));
    let turn = talk.ask("same for july").await;
    assert_eq!(turn.calls[0].arguments["channel"], json!("email"));
    assert_eq!(turn.calls[0].arguments["window"], json!({"start": "2025-07-01", "end": "2025-07-31"}));
}

#[tokio::test]
async fn a_refusal_runs_nothing() {
    let mut talk = Talk::new().await;
    for question in
        ["drop table orders", "give me the emails of our customers", "pause everything right now", "ok do it"]
    {
        let turn = talk.ask(question).await;
        assert!(turn.calls.is_empty(), "{question}: {:?}", turn.tools());
        assert_eq!(turn.outcome, Outcome::Refused, "{question}: {}", turn.text);
    }
}

/// Questions between two queries. Which of them are asked back about changes with every wording that is learned.
const BETWEEN: [&str; 6] = [
    "wich campaing makes the most money",
    "conversion steps for organic traffic",
    "trail shoes serp movement past 60 days",
    "search queries that lead to /camping",
    "organic clicks compared to the previous period",
    "dayparting view for Cashback Weekend",
];

#[tokio::test]
async fn a_choice_is_asked_once_and_the_reply_is_understood() {
    let mut asked = None;
    for question in BETWEEN {
        let mut talk = Talk::new().await;
        let turn = talk.ask(question).await;
        if turn.outcome == Outcome::Clarified && turn.text.contains("Which of these") {
            assert!(turn.text.contains("None of these"), "{}", turn.text);
            asked = Some((talk, question));
            break;
        }
    }
    let (mut talk, question) = asked.expect("one of them is asked back about");
    let again = talk.ask("hmm searches").await;
    assert_ne!(again.outcome, Outcome::Clarified, "two questions in a row: {}", again.text);
    let mut talk = Talk::new().await;
    talk.ask(question).await;
    let reply = talk.ask("1").await;
    assert_eq!(reply.calls.len(), 1, "{}", reply.text);
}

#[tokio::test]
async fn a_command_runs_its_steps_and_says_what_it_clamped() {
    let mut talk = Talk::new().await;
    let turn = talk.ask("/find_waste 400").await;
    assert_eq!(turn.tools().first(), Some(&"wasted_spend"), "{:?}", turn.tools());
    assert!(turn.text.contains("I used 90"), "{}", turn.text);
    assert!(turn.text.contains("**Campaigns**"), "{}", turn.text);
    let wrong = talk.ask("/find_waste banana").await;
    assert!(wrong.calls.is_empty() && wrong.text.contains("paid_search"), "{}", wrong.text);
}

/// Two pages with a fifth each, but ten positions apart, do not take each other's clicks: the query says so, and the
/// command repeats it.
#[tokio::test]
async fn the_verdict_on_overlap_is_the_querys_own() {
    let mut talk = Talk::new().await;
    let mut tx = talk.world.db.org(talk.world.org).await.unwrap();
    sqlx::query(
        "insert into search_performance (org_id, date, site, grain, page, query, clicks, impressions,
             position_x_impressions, source, first_seen_at, updated_at)
         select $1, '2025-09-10', 'shop.example', 'page_query', v.page, 'canyon gaiters', v.clicks, v.seen, v.seen * v.place,
             'search_console', '2025-09-12T00:00:00Z', '2025-09-12T00:00:00Z'
         from (values ('/gaiters', 60, 600, 3), ('/blog/gaiters', 90, 400, 14)) as v (page, clicks, seen, place)",
    )
    .bind(talk.world.org)
    .execute(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let turn = talk.ask("/seo_overlap canyon gaiters").await;
    assert!(turn.text.contains("**Verdict: mild.**"), "{}", turn.text);
    assert!(turn.text.contains("Page to keep: /blog/gaiters"), "{}", turn.text);
    // The visits of these two pages, and no others, in the answer's own part; nobody had to name them.
    let visits = turn.calls.iter().find(|call| call.name == "page_performance").unwrap();
    assert_eq!(visits.arguments["pages"], json!(["/blog/gaiters", "/gaiters"]));
    assert!(turn.text.contains("none of these pages is known: /blog/gaiters, /gaiters"), "{}", turn.text);
    visited(&talk, &[("/blog/gaiters", 300), ("/gaiters", 120), ("/socks", 900)]).await;
    let turn = talk.ask("/seo_overlap canyon gaiters").await;
    let visits = turn.text.split("**Their visits**").nth(1).unwrap_or_default();
    let own = visits.split("**").next().unwrap_or_default();
    assert!(own.contains("/gaiters: 120 sessions") && own.contains("/blog/gaiters: 300 sessions"), "{own}");
    assert!(!own.contains("/socks"), "{own}");
    // Nothing found, nothing to look up.
    let none = talk.ask("/seo_overlap zeppelin polish").await;
    assert!(!none.tools().contains(&"page_performance"), "{:?}", none.tools());
}

/// Pages of the site with their sessions of one day.
async fn visited(talk: &Talk, pages: &[(&str, i64)]) {
    let mut tx = talk.world.db.org(talk.world.org).await.unwrap();
    for (page, sessions) in pages {
        sqlx::query(
            "insert into pages (org_id, id, title, source, first_seen_on, first_seen_at, updated_at, row_hash)
             values ($1, $2, $2, 'web', '2025-09-01', '2025-09-12T00:00:00Z', '2025-09-12T00:00:00Z', '')",
        )
        .bind(talk.world.org)
        .bind(page)
        .execute(&mut *tx)
        .await
        .unwrap();
        sqlx::query(
            "insert into daily_metrics (org_id, date, source, entity_kind, entity_id, channel, sessions,
                 revenue_basis, currency, attribution_window, is_final, incomplete, first_seen_at, updated_at, row_hash)
             values ($1, '2025-09-10', 'ga4', 'page', $2, 'seo', $3, 'platform', 'EUR', '7d_click', true, false,
                 '2025-09-12T00:00:00Z', '2025-09-12T00:00:00Z', '')",
        )
        .bind(talk.world.org)
        .bind(page)
        .bind(sessions)
        .execute(&mut *tx)
        .await
        .unwrap();
    }
    tx.commit().await.unwrap();
    talk.catalogue.forget(talk.world.org).await;
}

/// The test that the copy is proposed for has a size: from the page's own rate and visits, or it says why not.
#[tokio::test]
async fn copy_is_proposed_with_the_size_of_its_test() {
    let mut talk = Talk::new().await;
    visited(&talk, &[("/gaiters", 2800), ("/socks", 40)]).await;
    let mut tx = talk.world.db.org(talk.world.org).await.unwrap();
    sqlx::query(
        "update daily_metrics set conversions = 140 where entity_kind = 'page' and entity_id = '/gaiters'",
    )
    .execute(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let turn = talk.ask("/idea_copy /gaiters").await;
    let power = turn.calls.iter().find(|call| call.name == "experiment_power").expect("a sample size");
    assert_eq!(
        power.arguments,
        *json!({"mde": 0.2, "baseline": "0.05", "daily_users": "100"}).as_object().unwrap()
    );
    let size = turn.text.lines().find(|line| line.starts_with("Size of the test")).unwrap_or_default();
    insta::assert_snapshot!(size, @"Size of the test: 8,158 users in the larger arm, 16,316 in all; days: 168. That finds a fifth more conversions than today with a power of four fifths; a smaller effect needs more, each further variant one more arm of that size. Sessions of the page stand for users. That is too long for one test: try a bolder change, or a page with more visits.");
    let few = talk.ask("/idea_copy /socks").await;
    assert!(!few.tools().contains(&"experiment_power"), "{:?}", few.tools());
    assert!(few.text.contains("too few sessions or no conversion"), "{}", few.text);
}

/// A source of sales that delivers nothing explains a change of revenue by itself; one of ranks does not.
#[tokio::test]
async fn a_fault_of_the_data_ends_the_search_for_causes() {
    let mut talk = Talk::new().await;
    let question = "why did our revenue fall last week?";
    let turn = talk.ask(question).await;
    assert!(turn.tools().contains(&"change_drivers"), "the ranks alone are stale: {:?}", turn.tools());
    let mut tx = talk.world.db.org(talk.world.org).await.unwrap();
    sqlx::query("update sources set state = 'attention' where source = 'shopify'")
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    talk.catalogue.forget(talk.world.org).await;
    let turn = talk.ask(question).await;
    assert_eq!(turn.tools(), ["data_freshness"], "{}", turn.text);
    assert!(turn.text.contains("may be a fault of the data"), "{}", turn.text);
}

/// Whom, with what offer, for how much at most and for what in return; only consent to advertising counts.
#[tokio::test]
async fn an_audience_is_proposed_with_an_offer_a_cap_and_a_range() {
    let mut talk = Talk::new().await;
    let turn = talk.ask("/build_retargeting HIGH_SPENDER").await;
    let plan = turn.text.split("**Plan** — ").nth(1).unwrap_or_default();
    insta::assert_snapshot!(plan.split("\n\n").next().unwrap_or_default(), @"
    20 people may be reached by ads: high spender.
    - Offer: early access to what is new, without a discount. Spend at most €3.00: 10 ads in thirty days for each of 20 people. Expected: 0.2 to 0.4 conversions worth €12.17 to €18.45, resting on its own answer to campaigns (1,680 clicks, 84 conversions)
    ");
    assert!(turn.text.contains("opted in to ads"), "{}", turn.text);
    // E-mail is another matter: everybody of them still says yes to it.
    let mut tx = talk.world.db.org(talk.world.org).await.unwrap();
    sqlx::query(
        "insert into consents (org_id, customer_id, channel, recorded_at, status, method, region, evidence, source)
         select org_id, customer_id, channel, '2025-09-01T00:00:00Z', 'denied', method, region, evidence, source
         from consents where channel = 'ads'",
    )
    .execute(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    talk.catalogue.forget(talk.world.org).await;
    let turn = talk.ask("/build_retargeting HIGH_SPENDER").await;
    assert_eq!(turn.tools(), ["segment_summary", "consent_status"], "{}", turn.text);
    assert!(
        turn.text.contains("Fewer than ten people of this segment are known to have agreed to advertising"),
        "{}",
        turn.text
    );
}

/// Without a keyword the question is about all of them.
#[tokio::test]
async fn competing_pages_are_found_without_naming_a_keyword() {
    let mut talk = Talk::new().await;
    let mut tx = talk.world.db.org(talk.world.org).await.unwrap();
    sqlx::query(
        "insert into search_performance (org_id, date, site, grain, page, query, clicks, impressions,
             position_x_impressions, source, first_seen_at, updated_at)
         select $1, '2025-09-10', 'shop.example', 'page_query', v.page, v.query, v.clicks, v.seen, v.seen * v.place,
             'search_console', '2025-09-12T00:00:00Z', '2025-09-12T00:00:00Z'
         from (values ('/gaiters', 'canyon gaiters', 60, 6000, 3), ('/blog/gaiters', 'canyon gaiters', 90, 4000, 14),
                      ('/socks', 'wool socks', 10, 700, 4), ('/blog/socks', 'wool socks', 20, 500, 6),
                      ('/hats', 'felt hats', 90, 9000, 2)) as v (page, query, clicks, seen, place)",
    )
    .bind(talk.world.org)
    .execute(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    for question in ["do two of our pages compete for the same keyword?", "/seo_overlap"] {
        let turn = talk.ask(question).await;
        assert_eq!(
            (turn.tools().first(), &turn.outcome),
            (Some(&"seo_overlap"), &Outcome::Answered),
            "{}",
            turn.text
        );
        // The worse verdict first, however much more the milder case is searched for; what is alone is no case.
        let at = |page: &str| turn.text.find(page).unwrap_or_else(|| panic!("{page}: {}", turn.text));
        assert!(at("wool socks") < at("canyon gaiters"), "{}", turn.text);
        assert!(!turn.text.contains("felt hats"), "{}", turn.text);
    }
}

#[tokio::test]
async fn my_drafts_are_asked_for_by_command_and_in_words() {
    let mut talk = Talk::new().await;
    for (question, mine) in [
        ("/approvals mine", Some("mine")),
        ("my review queue", Some("true")),
        ("show me pending drafts", None),
    ] {
        let turn = talk.ask(question).await;
        let call = turn.calls.iter().find(|c| c.name == "approvals_pending").unwrap();
        let said =
            call.arguments.get("mine").map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned));
        assert_eq!(said.as_deref(), mine, "{question}");
        assert_eq!(turn.outcome, Outcome::Answered, "{question}: {}", turn.text);
    }
}

#[tokio::test]
async fn a_draft_is_made_on_evidence_and_only_when_asked_for() {
    let mut talk = Talk::new().await;
    let campaigns =
        talk.catalogue.entities(&talk.world.db, &talk.clock, talk.world.org, "campaign").await.unwrap();
    let name = campaigns.first().unwrap().name.clone();
    let turn = talk.ask(&format!("draft a pause for {name}")).await;
    assert_eq!(turn.tools(), ["campaign_detail", "pause_campaign"]);
    let reason = turn.calls[1].arguments["reason"].as_str().unwrap();
    assert!((10..=500).contains(&reason.chars().count()), "{reason}");
    assert_eq!(turn.calls[1].arguments["campaign"], Value::from(campaigns.first().unwrap().id.clone()));
    assert!(turn.text.contains("nothing changes before people approve it"), "{}", turn.text);
    let question = talk.ask(&format!("should we pause {name}?")).await;
    assert!(!question.tools().contains(&"pause_campaign"), "{:?}", question.tools());
}

/// The cases of `evals/`, through the chat service: calls, receipts, drafts and outcomes as every surface sees them.
#[tokio::test]
async fn the_evals_pass_through_the_service() {
    let talk = Talk::new().await;
    let mut tx = talk.world.db.org(talk.world.org).await.unwrap();
    sqlx::query("insert into org_settings (org_id, key, value, set_at) values ($1, 'hourly_limits', $2, '2025-09-01T00:00:00Z')")
        .bind(talk.world.org)
        .bind(json!({"queries": 100_000, "turns": 100_000}))
        .execute(&mut *tx)
        .await
        .unwrap();
    // The fixture numbered its drafts by hand.
    sqlx::query("insert into counters (org_id, name, value) values ($1, 'draft', 100)")
        .bind(talk.world.org)
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let planner: Arc<dyn ChatModel> = Arc::new(talk.planner);
    let service = Service::new(Parts {
        db: talk.world.db.clone(),
        clock: talk.clock.clone(),
        catalogue: talk.catalogue.clone(),
        model: planner.clone(),
        planner,
        settings: Settings::default(),
    })
    .unwrap();
    let inputs = eval::Inputs {
        service,
        catalogue: talk.catalogue.clone(),
        db: talk.world.db.clone(),
        clock: talk.clock.clone(),
        actor: talk.world.admin.clone(),
        model: "offline".to_owned(),
    };
    let report = eval::run(&inputs, &eval::Options::default()).await.unwrap();
    // What names things of the demo account is judged by `adjutant eval` over that account.
    let demo = |name: &str| name == "drafts" || name.starts_with("unseen-");
    let below = report.groups.iter().filter(|group| group.accuracy < group.threshold && !demo(&group.name));
    assert_eq!(below.count(), 0, "{}", report.table());
}
