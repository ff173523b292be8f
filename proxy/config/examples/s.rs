fn main() {
    println!("{}", serde_json::to_string_pretty(&jadegate_config::schema()).expect("json"));
}
