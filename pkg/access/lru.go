package access

import "container/list"

// lru is a map of at most max entries that forgets the one that was used longest ago. It is not safe for concurrent use.
type lru[K comparable, V any] struct {
	max   int
	order *list.List // of entry[K, V], the latest used first
	byKey map[K]*list.Element
}

type entry[K comparable, V any] struct {
	key   K
	value V
}

func newLRU[K comparable, V any](size int) *lru[K, V] {
	return &lru[K, V]{max: size, order: list.New(), byKey: make(map[K]*list.Element)}
}

// get returns the value under key, or the zero value, and marks it as used.
func (c *lru[K, V]) get(key K) V {
	e, ok := c.byKey[key]
	if !ok {
		var zero V
		return zero
	}
	c.order.MoveToFront(e)
	return e.Value.(entry[K, V]).value
}

func (c *lru[K, V]) put(key K, value V) {
	if e, ok := c.byKey[key]; ok {
		e.Value = entry[K, V]{key, value}
		c.order.MoveToFront(e)
		return
	}
	c.byKey[key] = c.order.PushFront(entry[K, V]{key, value})
	if c.order.Len() > c.max {
		last := c.order.Back()
		delete(c.byKey, c.order.Remove(last).(entry[K, V]).key)
	}
}

func (c *lru[K, V]) remove(key K) {
	if e, ok := c.byKey[key]; ok {
		c.order.Remove(e)
		delete(c.byKey, key)
	}
}

func (c *lru[K, V]) len() int { return c.order.Len() }
