//! Requests that are made at the same time.

use std::future::Future;

use futures_util::stream::{FuturesOrdered, StreamExt};

use super::client::Problem;

/// How many requests are under way at a time, as in the official CLI.
pub const PARALLEL: usize = 10;

/// Does several things at a time and hands over their results in order. After the first that failed no more are begun;
/// those that are under way come to their ends.
pub async fn in_order<T, F>(
    mut things: impl Iterator<Item = F>,
    mut take: impl FnMut(T),
) -> Result<(), Problem>
where
    F: Future<Output = Result<T, Problem>>,
{
    let mut ended = Ok(());
    let mut under_way = FuturesOrdered::new();
    loop {
        while ended.is_ok() && under_way.len() < PARALLEL {
            let Some(thing) = things.next() else { break };
            under_way.push_back(thing);
        }
        match under_way.next().await {
            None => return ended,
            Some(Ok(result)) if ended.is_ok() => take(result),
            Some(Ok(_)) => {}
            Some(Err(problem)) => ended = ended.and(Err(problem)),
        }
    }
}
