//! `adjutant doctor` about Slack: what works, what does not, and what to do.
use crate::world::World;
use adjutant::clock::SystemClock;
use adjutant::fake_slack::{FakeSlack, Options, Transport};
use std::process::Stdio;
use std::sync::Arc;
use tokio::process::Command;

/// The lines about Slack, with the tokens of the fake or others.
async fn doctor(world: &World, fake: &FakeSlack, tokens: &[(&str, &str)]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_adjutant"));
    for name in
        ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"]
    {
        command.env_remove(name);
    }
    command
        .env("DATABASE_URL", &world.url)
        .env("ADJUTANT_SLACK__API_URL", fake.api_url())
        .envs(tokens.iter().copied())
        .arg("doctor")
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = command.output().await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines: Vec<&str> = text.lines().filter(|line| line.contains(" slack ")).collect();
    (output.status.success(), lines.join("\n"))
}

#[tokio::test]
async fn the_doctor_names_each_token_that_does_not_work_and_what_it_lacks() {
    let world = World::new().await;
    let options = Options { transport: Transport::Socket, ..Options::new(Arc::new(SystemClock)) };
    let fake = FakeSlack::start(options).await.unwrap();
    let (bot, app) = (fake.options().bot_token.clone(), fake.options().app_token.clone());
    let both = [("SLACK_BOT_TOKEN", bot.as_str()), ("SLACK_APP_TOKEN", app.as_str())];

    let (sound, words) = doctor(&world, &fake, &both).await;
    assert!(sound, "{words}");
    assert!(
        words.contains("the bot token has every scope") && words.contains("a socket can be opened"),
        "{words}"
    );

    let (sound, words) = doctor(&world, &fake, &[]).await;
    assert!(sound && words.contains("not connected"), "{words}");

    let (sound, words) = doctor(&world, &fake, &both[..1]).await;
    assert!(!sound && words.contains("nothing can come in"), "{words}");

    fake.without_scopes(&["users:read.email", "files:write"]);
    let (sound, words) = doctor(&world, &fake, &both).await;
    assert!(!sound && words.contains("lacks files:write, users:read.email"), "{words}");

    let wrong = [("SLACK_BOT_TOKEN", "xoxb-wrong"), ("SLACK_APP_TOKEN", bot.as_str())];
    let (sound, words) = doctor(&world, &fake, &wrong).await;
    assert!(!sound && words.contains("SLACK_BOT_TOKEN") && words.contains("SLACK_APP_TOKEN"), "{words}");
    assert!(!words.contains("xoxb"), "tokens are not repeated");
}
