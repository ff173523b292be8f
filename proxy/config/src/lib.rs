//! The one model of listeners, chains and backends.
