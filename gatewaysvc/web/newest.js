// Answers that come in another order than they were asked for.

/**
 * Keeps an older answer from replacing a newer one: `const isNews = turn();` when it is asked for, `if (isNews())` when it is there.
 * @returns {() => () => boolean}
 */
export function inOrder() {
  let asked = 0;
  let taken = 0;
  return () => {
    const mine = asked += 1;
    return () => {
      if (mine < taken) return false;
      taken = mine;
      return true;
    };
  };
}
