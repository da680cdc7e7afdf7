use super::*;

fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

#[test]
fn the_environment_wins_over_the_file_which_wins_over_the_defaults() {
    let file = "[server]\nlisten = \"127.0.0.1:1\"\n[turns]\nrounds = 3\n";
    let config = Config::from_parts(
        Some(("adjutant.toml", file)),
        &env(&[("ADJUTANT_SERVER__LISTEN", "127.0.0.1:2")]),
    )
    .unwrap();
    assert_eq!(config.server.listen.port(), 2);
    assert_eq!(config.turns.rounds, 3);
    assert_eq!(config.turns.tool_calls, 16);
}

#[test]
fn an_unknown_key_is_named() {
    let error =
        Config::from_parts(Some(("adjutant.toml", "[server]\nlissten = \"x\"")), &env(&[])).unwrap_err();
    assert!(error.to_string().contains("lissten"), "{error}");
    let error = Config::from_parts(None, &env(&[("ADJUTANT_LISTEN", "x")])).unwrap_err();
    assert!(error.to_string().contains("ADJUTANT_SERVER__LISTEN"), "{error}");
}

#[test]
fn a_key_in_the_environment_is_enough_for_a_provider_and_is_never_printed() {
    let config = Config::from_parts(None, &env(&[("OPENAI_API_KEY", "sk-canary")])).unwrap();
    let provider = &config.model.providers[0];
    assert_eq!(provider.name, "openai");
    assert!(
        provider.usd_per_million_in > 0.0 && provider.usd_per_million_out > 0.0,
        "the budget counts money"
    );
    assert!(!format!("{config:?}").contains("sk-canary"));
}

#[test]
fn the_tokens_of_slack_come_from_the_environment_only_and_are_never_printed() {
    let environment = env(&[
        ("SLACK_BOT_TOKEN", "xoxb-canary\n"),
        ("SLACK_APP_TOKEN", " "),
        ("ADJUTANT_SLACK__API_URL", "http://127.0.0.1:1/api"),
    ]);
    let slack = Config::from_parts(None, &environment).unwrap().slack;
    assert_eq!(secrecy::ExposeSecret::expose_secret(slack.bot_token.as_ref().unwrap()), "xoxb-canary");
    assert!(slack.app_token.is_none(), "an empty variable is none");
    assert_eq!(slack.api_url, "http://127.0.0.1:1/api/");
    assert!(!format!("{slack:?}").contains("canary"));
    let file = Some(("f", "[slack]\nbot_token = 'xoxb'"));
    assert!(Config::from_parts(file, &env(&[])).unwrap_err().to_string().contains("bot_token"));
}

#[test]
fn a_provider_whose_key_is_missing_says_which_variable_to_set() {
    let file = "[[model.providers]]\nname='a'\nbase_url='http://127.0.0.1:1'\nmodel='m'\nkey_env='A_KEY'";
    let error = Config::from_parts(Some(("f", file)), &env(&[])).unwrap_err();
    assert!(error.to_string().contains("A_KEY"), "{error}");
}

#[test]
fn an_empty_address_of_a_provider_is_none() {
    let environment = env(&[("OPENAI_API_KEY", "sk-canary"), ("OPENAI_BASE_URL", " ")]);
    let config = Config::from_parts(None, &environment).unwrap();
    assert_eq!(config.model.providers[0].base_url, "https://api.openai.com/v1");
    let environment = env(&[("ANTHROPIC_API_KEY", "k"), ("ANTHROPIC_BASE_URL", " http://127.0.0.1:1/v1")]);
    let config = Config::from_parts(None, &environment).unwrap();
    assert_eq!(config.model.providers[0].base_url, "http://127.0.0.1:1/v1");
}

#[test]
fn what_connections_need_comes_from_the_environment_and_is_never_printed() {
    let environment = env(&[
        ("ADJUTANT_MASTER_KEY", " canary-key\n"),
        ("ADJUTANT_PLAUSIBLE_BASE_URL", "http://127.0.0.1:1"),
        ("ADJUTANT_GA4_AUTH_BASE_URL", "http://127.0.0.1:2"),
        ("ADJUTANT_ALLOW_INSECURE_BASE_URLS", "true"),
        ("ADJUTANT_SOURCE_API_KEY", "canary-secret"),
    ]);
    let config = Config::from_parts(None, &environment).unwrap();
    let sources = &config.sources;
    assert_eq!(secrecy::ExposeSecret::expose_secret(sources.master_key.as_ref().unwrap()), "canary-key");
    assert_eq!(sources.base_urls["GA4_AUTH"], "http://127.0.0.1:2");
    assert!(sources.allow_insecure && sources.old_master_key.is_none());
    assert!(sources.secrets.contains_key("api_key"));
    assert!(!format!("{config:?}").contains("canary"));
}
