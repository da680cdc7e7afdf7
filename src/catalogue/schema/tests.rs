use super::super::Catalogue;

/// Every built-in tool has a name a model accepts, a schema that validates, and a default that fits its own schema.
#[test]
fn schemas_of_the_built_in_queries_hold() {
    let (catalogue, _) = Catalogue::load_whole(None);
    for query in catalogue.queries.values() {
        let tool = super::describe(query);
        let validator =
            jsonschema::validator_for(&tool.schema).unwrap_or_else(|e| panic!("{}: {e}", tool.name));
        let mut defaults = serde_json::Map::new();
        for (name, property) in tool.schema["properties"].as_object().unwrap() {
            assert!(property["description"].as_str().is_some_and(|d| !d.is_empty()), "{}.{name}", tool.name);
            if let Some(default) = property.get("default") {
                defaults.insert(name.clone(), default.clone());
            }
        }
        for required in tool.schema["required"].as_array().unwrap() {
            defaults.remove(required.as_str().unwrap());
        }
        let mut schema = tool.schema.clone();
        schema["required"] = serde_json::json!([]);
        let relaxed = jsonschema::validator_for(&schema).unwrap();
        assert!(
            relaxed.is_valid(&serde_json::Value::Object(defaults.clone())),
            "{}: {defaults:?}",
            tool.name
        );
        assert!(!validator.is_valid(&serde_json::json!({"no_such_parameter": 1})), "{}", tool.name);
    }
}
