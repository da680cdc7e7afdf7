//! The page over real HTTP: it shows what the workspace holds, its forms do what people do, and other sites may not.
use crate::clock::ManualClock;
use crate::fake_slack::{FakeSlack, Options, Transport, View, Workspace};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};

struct Browser {
    slack: FakeSlack,
    client: Client,
}

impl Browser {
    async fn new() -> Self {
        let clock = ManualClock::at("2025-09-17T09:00:00Z".parse().unwrap());
        let options = Options {
            transport: Transport::Http,
            commands: vec!["/find_waste".to_owned(), "/adjutant".to_owned()],
            shortcuts: vec![("ask_about".to_owned(), "Ask about this".to_owned())],
            ..Options::new(clock)
        };
        let slack = FakeSlack::start(options).await.unwrap();
        let client = Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
        Self { slack, client }
    }

    async fn see(&self, who: &str, at: &str) -> String {
        let url = format!("{}/?as={who}&at={at}", self.slack.url());
        self.client.get(url).send().await.unwrap().text().await.unwrap()
    }

    async fn send(&self, act: &str, fields: &[(&str, &str)]) -> Response {
        let url = format!("{}/act/{act}", self.slack.url());
        self.client.post(url).form(fields).send().await.unwrap()
    }

    /// The app calls a method.
    async fn app(&self, method: &str, args: Value) -> Value {
        let call = self.client.post(format!("{}{method}", self.slack.api_url()));
        let call = call.bearer_auth(&self.slack.options().bot_token).json(&args);
        let reply: Value = call.send().await.unwrap().json().await.unwrap();
        assert_eq!(reply["ok"], true, "{reply}");
        reply
    }

    /// Bodies that were sent to the app, newest last.
    fn sent(&self) -> Vec<Value> {
        self.slack.read(|ws| ws.sent.iter().map(|s| s.body.clone()).collect())
    }

    /// The body of the next delivery that fits.
    async fn came(&self, fits: impl Fn(&Value) -> bool) -> Value {
        let find = |ws: &Workspace| ws.sent.iter().map(|s| &s.body).find(|b| fits(b)).cloned();
        self.slack.wait_for("the delivery", find).await
    }
}

fn text(text: &str) -> Value {
    json!({"type": "plain_text", "text": text})
}

#[tokio::test]
async fn the_page_is_self_contained_and_closed_to_other_sites() {
    let b = Browser::new().await;
    let page = b.client.get(b.slack.url()).send().await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"));
    let referrer = page.headers()["referrer-policy"].to_str().unwrap().to_owned();
    assert_eq!(referrer, "same-origin", "with less, a browser's own form names no origin and is refused");
    let page = page.text().await.unwrap();
    assert!(!page.contains(" style=") && !page.contains(" onclick=") && !page.contains("//cdn"));
    let act = || {
        b.client.post(format!("{}/act/say", b.slack.url())).form(&[
            ("as", "U0MARA"),
            ("at", "C0MARKETING"),
            ("text", "x"),
        ])
    };
    let foreign = act().header("origin", "https://evil.example").send().await.unwrap();
    assert_eq!(foreign.status(), StatusCode::FORBIDDEN);
    let renamed = act().header("host", "evil.example:80").send().await.unwrap();
    assert_eq!(renamed.status(), StatusCode::FORBIDDEN);
    let own = act().header("origin", b.slack.url()).send().await.unwrap();
    assert_eq!(own.status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn people_see_their_channels_and_only_their_own_whispers() {
    let b = Browser::new().await;
    let whisper = json!({"channel": "C0MARKETING", "user": "U0MARA", "text": "Only for <@U0MARA>"});
    b.app("chat.postEphemeral", whisper).await;
    let mara = b.see("U0MARA", "C0MARKETING").await;
    assert!(
        mara.contains("Only visible to you") && mara.contains("@Mara Lind") && mara.contains("growth-leads")
    );
    let gil = b.see("U0GIL", "C0MARKETING").await;
    assert!(!gil.contains("Only for") && !gil.contains("growth-leads") && gil.contains("(guest)"));
    assert!(
        !b.see("U0GIL", "C0LEADS").await.contains("at=C0LEADS"),
        "not a member: the own conversation is shown"
    );
}

#[tokio::test]
async fn hostile_texts_stay_texts() {
    let b = Browser::new().await;
    let blocks = json!([
        {"type": "section", "text": {"type": "mrkdwn", "text": "&lt;script&gt; *bold* <javascript:alert(1)|click> <https://ok.example|fine>"}},
        {"type": "markdown", "text": "**strong** [bad](javascript:alert) <img src=x>"}]);
    b.app("chat.postMessage", json!({"channel": "C0MARKETING", "text": "x", "blocks": blocks})).await;
    let page = b.see("U0MARA", "C0MARKETING").await;
    assert!(page.contains("&lt;script&gt; <strong>bold</strong> click"));
    assert!(page.contains("<a href=\"https://ok.example\""));
    assert!(page.contains("<strong>strong</strong> bad &lt;img src=x&gt;"));
    assert!(!page.contains("href=\"javascript"));
}

#[tokio::test]
async fn an_underscore_within_a_word_is_a_letter() {
    let b = Browser::new().await;
    let blocks = json!([{"type": "markdown", "text": "_2 rows · wasted_spend@2_ and a_name_like_this"}]);
    b.app("chat.postMessage", json!({"channel": "C0MARKETING", "text": "x", "blocks": blocks})).await;
    let page = b.see("U0MARA", "C0MARKETING").await;
    assert!(page.contains("<em>2 rows · wasted_spend@2</em> and a_name_like_this"));
}

#[tokio::test]
async fn tables_charts_and_files_are_shown() {
    let b = Browser::new().await;
    let cell = |text: &str| json!({"type": "raw_text", "text": text});
    let number = |n: i64| json!({"type": "raw_number", "value": n});
    let blocks = json!([
        {"type": "data_table", "caption": "Waste", "rows": [[cell("campaign"), cell("cost")], [cell("Cold"), number(42)]]},
        {"type": "data_visualization", "title": "Cost by day", "chart": {"type": "line",
            "series": [{"name": "Meta", "data": [{"label": "Mon", "value": 1}, {"label": "Tue", "value": 2}]}],
            "axis_config": {"categories": ["Mon", "Tue"]}}}]);
    b.app("chat.postMessage", json!({"channel": "C0MARKETING", "text": "x", "blocks": blocks})).await;
    let page = b.see("U0MARA", "C0MARKETING").await;
    assert!(page.contains("<caption>Waste</caption>") && page.contains("<td>42</td>"));
    assert!(
        page.contains("Cost by day") && page.contains("<polyline") && page.contains("0.0,80.0 600.0,10.0")
    );
}

#[tokio::test]
async fn writing_and_commands_go_to_the_app() {
    let b = Browser::new().await;
    let seat = [("as", "U0MARA"), ("at", "C0MARKETING")];
    let said = b.send("say", &[&seat[..], &[("text", "@adjutant find_waste 30")]].concat()).await;
    assert_eq!(said.headers()["location"], "/?as=U0MARA&at=C0MARKETING");
    b.came(|body| body["event"]["type"] == "app_mention").await;
    b.send("say", &[&seat[..], &[("text", "/find_waste 30")]].concat()).await;
    let command = b.came(|body| body["command"] == "/find_waste").await;
    assert_eq!((&command["text"], &command["channel_id"]), (&json!("30"), &json!("C0MARKETING")));
    let ts = b.slack.messages("marketing")[0].ts.clone();
    b.send("say", &[&seat[..], &[("thread", ts.as_str()), ("text", "and for Meta?")]].concat()).await;
    let reply = b.came(|body| body["event"]["text"] == "and for Meta?").await;
    assert_eq!(reply["event"]["thread_ts"], json!(ts));
    b.send("shortcut?callback=ask_about", &[&seat[..], &[("channel", "C0MARKETING"), ("ts", &ts)]].concat())
        .await;
    assert_eq!(b.came(|body| body["type"] == "message_action").await["callback_id"], "ask_about");
    b.send("home", &seat).await;
    assert_eq!(b.came(|body| body["event"]["type"] == "app_home_opened").await["event"]["tab"], "home");
    assert!(!b.sent().is_empty());
}

#[tokio::test]
async fn buttons_with_their_confirm_dialogs_and_menus_are_clicked() {
    let b = Browser::new().await;
    let confirm = json!({"title": text("Sure?"), "text": text("This moves money."), "confirm": text("Yes"), "deny": text("No")});
    let blocks = json!([{"type": "actions", "elements": [
        {"type": "button", "action_id": "card.approve", "style": "primary", "text": text("Approve"), "value": "t", "confirm": confirm},
        {"type": "overflow", "action_id": "card.menu", "options": [
            {"text": text("Hold 4 h"), "value": "hold"}, {"text": text("Ask"), "value": "ask"}]}]}]);
    let posted =
        b.app("chat.postMessage", json!({"channel": "C0MARKETING", "text": "x", "blocks": blocks})).await;
    let page = b.see("U0ALEX", "C0MARKETING").await;
    assert!(
        page.contains("This moves money.") && page.contains("formaction=\"/act/click?action=card.approve\"")
    );
    let ts = posted["ts"].as_str().unwrap();
    let target = [("as", "U0ALEX"), ("at", "C0MARKETING"), ("channel", "C0MARKETING"), ("ts", ts)];
    b.send("click?action=card.approve", &target).await;
    let click = b.came(|body| body["actions"][0]["action_id"] == "card.approve").await;
    assert_eq!((&click["user"]["id"], &click["actions"][0]["value"]), (&json!("U0ALEX"), &json!("t")));
    b.send("click?action=card.menu", &[&target[..], &[("value", "hold")]].concat()).await;
    let choice = b.came(|body| body["actions"][0]["action_id"] == "card.menu").await;
    assert_eq!(choice["actions"][0]["selected_option"]["value"], "hold");
    assert_eq!(b.send("click?action=card.gone", &target).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_modal_is_a_form_that_asks_for_what_is_missing() {
    let b = Browser::new().await;
    b.slack.command("alex", "marketing", "/adjutant", "settings").unwrap();
    let trigger = b.slack.read(|ws| ws.triggers.keys().last().cloned().unwrap());
    let view = json!({"type": "modal", "title": text("Reject"), "submit": text("Send"), "blocks": [
        {"type": "input", "block_id": "why", "label": text("Why"),
         "element": {"type": "plain_text_input", "action_id": "text", "multiline": true, "initial_value": "Because"}},
        {"type": "input", "block_id": "kind", "label": text("Kind"), "element": {"type": "static_select",
         "action_id": "pick", "options": [{"text": text("Policy"), "value": "policy"}]}}]});
    b.app("views.open", json!({"trigger_id": trigger, "view": view})).await;
    let page = b.see("U0ALEX", "C0MARKETING").await;
    assert!(page.contains("name=\"v.why\"") && page.contains(">Because</textarea>"));
    assert!(!b.see("U0MARA", "C0MARKETING").await.contains("name=\"v.why\""));
    let View { id, .. } = b.slack.read(|ws| ws.views.values().next().cloned().unwrap());
    let fields = [
        ("as", "U0ALEX"),
        ("at", "C0MARKETING"),
        ("view", id.as_str()),
        ("v.why", "Too early"),
        ("v.kind", ""),
    ];
    b.send("submit", &fields).await;
    assert!(b.see("U0ALEX", "C0MARKETING").await.contains("Please complete this required field."));
    let mut fields = fields;
    fields[4].1 = "policy";
    let sending = b.send("submit", &fields);
    let filled = async {
        let body = b.came(|body| body["type"] == "view_submission").await;
        assert_eq!(body["view"]["state"]["values"]["why"]["text"]["value"], "Too early");
    };
    tokio::join!(sending, filled);
}

#[tokio::test]
async fn news_come_when_something_changed() {
    let b = Browser::new().await;
    let seen = b.slack.read(|ws| ws.version);
    let url = format!("{}/news?as=U0MARA&at=C0MARKETING&seen={seen}", b.slack.url());
    let waiting = tokio::spawn(b.client.get(url).send());
    b.app("chat.postMessage", json!({"channel": "C0MARKETING", "text": "fresh"})).await;
    let news = waiting.await.unwrap().unwrap().text().await.unwrap();
    assert!(news.contains("id=\"changing\"") && news.contains("fresh"));
}
