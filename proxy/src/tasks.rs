//! Tasks of one worker: tracked, named, and counted when they panic.

use std::future::Future;
use std::sync::Arc;

use tokio_util::task::TaskTracker;

use crate::metrics::Metrics;

/// The tasks of one worker. Clones share the tracker.
#[derive(Clone, Debug)]
pub struct Tasks {
    tracker: TaskTracker,
    metrics: Arc<Metrics>,
}

impl Tasks {
    /// No tasks yet.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self { tracker: TaskTracker::new(), metrics }
    }

    /// Runs a task on this thread. It must end by itself when the drain starts, or is cut when the drain aborts.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + 'static) {
        self.tracker.spawn_local(self.watched(name, task));
    }

    /// Runs a task that the drain does not wait for, such as the driver of a pooled upstream connection. It is dropped
    /// with the worker.
    pub fn spawn_background(&self, name: &'static str, task: impl Future<Output = ()> + 'static) {
        tokio::task::spawn_local(self.watched(name, task));
    }

    fn watched(
        &self,
        name: &'static str,
        task: impl Future<Output = ()> + 'static,
    ) -> impl Future<Output = ()> + 'static {
        let watch = PanicWatch { name, metrics: Arc::clone(&self.metrics) };
        async move {
            let _watch = watch;
            task.await;
        }
    }

    /// How many have not ended.
    pub fn len(&self) -> usize {
        self.tracker.len()
    }

    /// Whether all have ended.
    pub fn is_empty(&self) -> bool {
        self.tracker.is_empty()
    }

    /// Waits until all have ended, those that are spawned meanwhile included.
    pub async fn ended(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}

/// Counts a task that unwinds.
#[derive(Debug)]
struct PanicWatch {
    name: &'static str,
    metrics: Arc<Metrics>,
}

impl Drop for PanicWatch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.metrics.families.task_panics.get_or_create(&[("task", self.name.into())]).inc();
            tracing::error!(task = self.name, "a task panicked; its connection is lost, the others go on");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "local")]
    async fn a_panic_is_counted_and_the_other_tasks_go_on() {
        let metrics = Arc::new(Metrics::new());
        let tasks = Tasks::new(Arc::clone(&metrics));
        let (done, finished) = tokio::sync::oneshot::channel();
        tasks.spawn("bad", async { panic!("on purpose") });
        tasks.spawn("good", async move {
            tokio::task::yield_now().await;
            done.send(()).unwrap();
        });
        finished.await.unwrap();
        tasks.ended().await;
        assert!(tasks.is_empty());
        assert!(metrics.encode().contains("jadegate_task_panics_total{task=\"bad\"} 1"));
    }
}
