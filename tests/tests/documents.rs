//! The documents are true: what they show is run, what they list is complete.

#[path = "documents/commands.rs"]
mod commands;
#[path = "documents/defaults.rs"]
mod defaults;
#[path = "documents/examples.rs"]
mod examples;
#[path = "documents/links.rs"]
mod links;
#[path = "documents/lists.rs"]
mod lists;
#[path = "documents/page.rs"]
mod page;
#[path = "documents/site.rs"]
mod site;
#[path = "documents/unit.rs"]
mod unit;
