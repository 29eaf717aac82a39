/*!
The page of sd35, Apache License 2.0. It contains:

@preact/signals 2.11.4

The MIT License (MIT)

Copyright (c) 2022-present Preact Team

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.

@preact/signals-core 1.14.5

The MIT License (MIT)

Copyright (c) 2022-present Preact Team

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.

preact 11.2.0

The MIT License (MIT)

Copyright (c) 2015-present Jason Miller

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
*/
// node_modules/preact/dist/preact.mjs
var n$1;
var t$2;
var r$2;
var u$3;
var i$2;
var f$3;
var o$3;
var e$2;
var l$2;
var c$2;
var a$3;
var h$3 = Symbol.for("pv");
var p$3 = {};
var y$3 = [];
var v$2 = /^m(i|n|o|s|text|space)$/;
var w$3 = Array.isArray;
var d$3 = y$3.slice;
var _$2 = Object.assign;
function g$3(n) {
	n && n.parentNode && n.remove();
}
function k$2(n, t, r) {
	var u, i, f, o = {}, e = arguments.length;
	for (f in t) "key" == f ? u = t[f] : "ref" == f && "function" != typeof n ? i = t[f] : o[f] = t[f];
	return e > 2 && (o.children = e > 3 ? d$3.call(arguments, 2) : r), m$3(n, o, u, i, null);
}
function m$3(r, u, i, f, o) {
	var e = {
		type: r,
		props: u,
		key: i,
		ref: f,
		__k: null,
		__: null,
		__b: 0,
		__e: null,
		__c: null,
		constructor: h$3,
		__v: o || ++t$2,
		__i: -1,
		__u: 0
	};
	return !o && n$1.vnode && n$1.vnode(e), e;
}
function $(n) {
	return n.children;
}
function x$1(n, t) {
	this.props = n, this.context = t, this.__g = 0;
}
function S$1(n, t) {
	if (null == t) return n.__ && S$1(n.__, n.__i + 1);
	for (var r; t < n.__k.length; t++) if ((r = n.__k[t]) && r.__e) return r.__e;
	return "function" != typeof n.type || n.props.__P ? null : S$1(n);
}
function C$1(t) {
	var r, u = t.__v, i = u.__e, f = [], o = [], e = t.__P;
	e && ((r = _$2({ constructor: h$3 }, u)).__v = u.__v + 1, n$1.vnode && n$1.vnode(r), z$1(e, r, u, t.__n, e.namespaceURI, 32 & u.__u ? [i] : null, f, i || S$1(u), 32 & u.__u, o), r.__v = u.__v, r.__.__k[r.__i] = r, E$1(f, r, o), u.__ = u.__e = null, r.__e != i && j$1(r));
}
function j$1(n) {
	if ((n = n.__) && n.__c && !n.props.__P) return n.__e = null, n.__k.some(function(t) {
		return t && (n.__e = t.__e);
	}), j$1(n);
}
function L(t) {
	(8 & t.__g || (t.__g |= 8, u$3.push(t), f$3++)) && i$2 == n$1.debounceRendering || ((i$2 = n$1.debounceRendering) || queueMicrotask)(H);
}
function H() {
	try {
		for (var n, t = 1; u$3.length;) u$3.length > t && u$3.sort(o$3), n = u$3.shift(), t = u$3.length, 8 & n.__g && C$1(n);
	} finally {
		(f$3 = u$3.length) && (i$2 || queueMicrotask)(H);
	}
}
function I(n, t, r, u, i, f, o, e, l, c, a) {
	var s, h, v, w, d, _, g = u.__k || y$3, k = t.length;
	for (l = q(r, t, g, l, k), s = 0; s < k; s++) null != (v = r.__k[s]) && (h = ~v.__i && g[v.__i] || p$3, v.__i = s, _ = z$1(n, v, h, i, f, o, e, l, c, a), w = v.__e, (h.ref != v.ref || 8 & h.__u) && (h.ref && G$1(h.ref, null, v, h), v.ref && a.push(v.ref, v.__c || w, v)), d = d || w, 4 & v.__u ? (l = A$2(v, l, n, !h.__v), h.__e && (h.__e = null)) : "function" == typeof v.type && void 0 !== _ ? l = _ : w && (l = w.nextSibling), v.__u &= -21);
	return r.__e = d, l;
}
function q(n, t, r, u, i) {
	var f, o, e, l, c, a, s, p, y, v = r.length, d = v, _ = 0, g = 0, k = n.__k = Array(i);
	for (f = 0; f < i; f++) null != (o = t[f]) && "boolean" != typeof o && "function" != typeof o ? ("object" != typeof o || o.constructor === String ? o = k[f] = m$3(null, o) : w$3(o) ? o = k[f] = m$3($, { children: o }) : o.constructor === h$3 && o.__b ? o = k[f] = m$3(o.type, o.props, o.key, o.ref, o.__v) : k[f] = o, l = f + _, o.__ = n, o.__b = n.__b + 1, e = null, ~(c = o.__i = P(o, r, l, d)) && (d--, (e = r[c]) && (e.__u |= 2)), e && e.__v ? (o.__u |= 16, c == l - 1 ? _-- : c == l + 1 ? _++ : c != l && (c > l ? _-- : _++, g = 1)) : (~c || (i > v ? _-- : i < v && _++), "function" != typeof o.type && (o.__u |= 4))) : k[f] = null;
	if (g) {
		for (a = [], s = [], f = 0; f < i; f++) if ((o = k[f]) && 16 & o.__u) {
			for (_ = 0, p = a.length; _ < p;) a[y = _ + p >> 1] < o.__i ? _ = y + 1 : p = y;
			a[_] = o.__i, s[f] = _ + 1;
		}
		for (_ = a.length; f--;) s[f] && (s[f] == _ ? _-- : k[f].__u |= 4);
	}
	if (d) for (f = 0; f < v; f++) !(e = r[f]) || 2 & e.__u || (e.__e == u && (u = S$1(e)), J(e, e));
	return u;
}
function A$2(n, t, r, u) {
	var i, f, o, e;
	if ("function" == typeof n.type) {
		if (n.props.__P) return t;
		if (i = n.__k) for (f = 0; f < i.length; f++) i[f] && (i[f].__ = n, t = A$2(i[f], t, r, !1));
		return t;
	}
	for (t && !t.parentNode && (t = S$1(n)) && !t.parentNode && (t = null), o = n.__e, e = t; e && 8 == e.nodeType;) e = e.nextSibling;
	for (o != e && (!u && r.moveBefore && o.parentNode ? r.moveBefore(o, t) : r.insertBefore(o, t || null)), t = o; (t = t && t.nextSibling) && 8 == t.nodeType && !t.data.startsWith("$s"););
	return t;
}
function P(n, t, r, u) {
	var i, f = n.key, o = n.type, e = t[r], l = e && !(2 & e.__u);
	if (null === e && null == f || l && f == e.key && o == e.type) return r;
	if (u > (l ? 1 : 0)) {
		for (i = r - 1; i >= 0; i--) if ((e = t[i]) && !(2 & e.__u) && f == e.key && o == e.type) return i;
		for (i = r + 1; i < t.length; i++) if ((e = t[i]) && !(2 & e.__u) && f == e.key && o == e.type) return i;
	}
	return -1;
}
function T$1(n, t, r) {
	r ??= "", "-" == t[0] ? n.setProperty(t, r) : n[t] = r;
}
function N(n, t, r, u, i) {
	var f, o;
	if ("style" == t) if ("string" == typeof r) n.style.cssText = r;
	else {
		if ("string" == typeof u && (n.style.cssText = u = ""), u) for (t in u) r && t in r || T$1(n.style, t);
		if (r) for (t in r) u && r[t] == u[t] || T$1(n.style, t, r[t]);
	}
	else if ("o" == t[0] && "n" == t[1]) "function" != typeof r && (r = null), "function" != typeof u && (u = null), (n.__e || (n.__e = {}))[t] = r, r && u || (o = a$3[t] || (a$3[t] = V(t)), (n.__a || (n.__a = {}))[t] = c$2, f = t != (t = t.replace(l$2, "$1")), (t = t.slice(2))[0] < "a" && (t = t.toLowerCase()), r ? n.addEventListener(t, o, f) : n.removeEventListener(t, o, f));
	else {
		if ("http://www.w3.org/2000/svg" == i) t = t.replace(/xlink(H|:h)/, "h").replace(/sName$/, "s");
		else if ("width" != t && "height" != t && "href" != t && "list" != t && "form" != t && "tabIndex" != t && "download" != t && "rowSpan" != t && "colSpan" != t && "role" != t && "popover" != t && t in n) try {
			n[t] = null == r ? "" : r;
			return;
		} catch (n) {}
		if ("function" == typeof r) return;
		null == r || !1 === r && "-" != t[4] ? n.removeAttribute(t) : n.setAttribute(t, "popover" == t && 1 == r ? "" : r);
	}
}
function V(t) {
	return function(r) {
		var u = this.__e;
		if (u) {
			if (u = u[t], null == r[e$2]) r[e$2] = c$2++;
			else if (r[e$2] < this.__a[t]) return;
			return u(n$1.event ? n$1.event(r) : r);
		}
	};
}
function z$1(t, r, u, i, f, o, e, l, c, a) {
	var s, p, v, d, k, b, m, M, C, j, L, H, q, A, O, P, T, N, V = r.type;
	if (r.constructor !== h$3) return null;
	128 & u.__u && (c = 32 & u.__u, s = u.__c.__z) && (r.__u |= c, p = o = [], 8 == s.nodeType ? l = B$1(s, o) : o.push(s), l = o[0] || l), (s = n$1.__b) && s(r);
	n: if ("function" == typeof V) {
		v = e.length;
		try {
			if (M = r.props, C = (s = V.prototype) && s.render, j = (s = V.contextType) && i[s.__c], L = s ? j ? j.props.value : s.__ : i, (d = u.__c) ? (r.__c = d, 2 & d.__g && (d.__g |= 1)) : (C ? r.__c = d = new V(M, L) : (r.__c = d = new x$1(M, L), d.constructor = V, d.render = K), j && j.sub(d), d.state || (d.state = {}), d.__n = i, d.__g |= 8, d.__h = [], d.__k = []), C && (d.__s || (d.__s = d.state), V.getDerivedStateFromProps && (d.__s == d.state && (d.__s = _$2({}, d.__s)), _$2(d.__s, V.getDerivedStateFromProps(M, d.__s)))), k = d.props, b = d.state, d.__v = r, u.__c) {
				if (M !== k && C && !V.getDerivedStateFromProps && d.componentWillReceiveProps && d.componentWillReceiveProps(M, L), r.__v == u.__v && !(8 & d.__g) || !(4 & d.__g) && d.shouldComponentUpdate && !1 === d.shouldComponentUpdate(M, d.__s, L)) {
					r.__v != u.__v && (d.props = M, d.state = d.__s, d.__g &= -9), r.__e = u.__e, r.__k = u.__k, r.__k.some(function(n) {
						n && (n.__ = r);
					}), y$3.push.apply(d.__h, d.__k), d.__k = [], d.__h.length && e.push(d), l = S$1(u);
					break n;
				}
				d.componentWillUpdate && d.componentWillUpdate(M, d.__s, L), C && d.componentDidUpdate && d.__h.push(function() {
					d.componentDidUpdate(k, b, m);
				});
			} else C && !V.getDerivedStateFromProps && d.componentWillMount && d.componentWillMount(), C && d.componentDidMount && d.__h.push(d.componentDidMount);
			d.context = L, d.props = M, d.__P = t, d.__g &= -5, H = n$1.__r, q = C ? 25 : 0;
			do
				d.__g &= -9, H && H(r), s = d.render(d.props, d.state = d.__s, d.context);
			while (8 & d.__g && ++q < 25);
			C && (y$3.push.apply(d.__h, d.__k), d.__k = []), d.state = d.__s, d.getChildContext && (i = _$2({}, i, d.getChildContext())), C && u.__c && d.getSnapshotBeforeUpdate && (m = d.getSnapshotBeforeUpdate(k, b)), A = s && s.type === $ && null == s.key ? s.props.children : s, M.__P && (s = l, f = (t = M.__P).namespaceURI, c = o = null, u.props && u.props.__P != t && (u.__k.some(function(n) {
				n && J(n, n);
			}), u.__k = null), l = u.__k ? S$1(u, 0) : null), l = I(t, w$3(A) ? A : [A], r, u, i, f, o, e, l, c, a), M.__P && (r.__e = null, l = s), r.__u &= -161, p && p.some(g$3), d.__h.length && e.push(d), 1 & d.__g && (d.__g &= -4);
		} catch (t) {
			if (e.length = v, r.__v = null, c || o) if (t && t.then) {
				if (r.__u |= 128 | c, o) {
					for (~(T = o.indexOf(l || void 0)) || (T = o.length); (N = o[T - 1]) && 8 == N.nodeType;) T--;
					for (; T < o.length; T++) if (N = o[T]) if (o[T] = null, O) {
						if (N == P) break;
					} else {
						if (8 != N.nodeType) break;
						N.data.startsWith("$s") && (P = B$1(O = N));
					}
				}
				if (!O) {
					for (; l && 8 == l.nodeType && l.nextSibling;) l = l.nextSibling;
					O = l;
				}
				(s = B$1(O = r.__c.__z || (r.__c.__z = O))) ? (r.__e = O, l = s) : r.__e = l, l = l && l.nextSibling;
			} else o && o.some(g$3);
			else r.__e = u.__e;
			r.__k || (r.__k = u.__k || []), t && t.then || D$1(r), n$1.__e(t, r, u);
		}
	} else l = r.__e = F$2(u.__e, r, u, i, f, o, e, c, a, t);
	return (s = n$1.diffed) && s(r), l;
}
function B$1(n, t) {
	if (n && 8 == n.nodeType && n.data.startsWith("$s")) for (var r = 1; n = n.nextSibling;) {
		if (8 == n.nodeType) {
			if (n.data.startsWith("$s")) r++;
			else if (n.data.startsWith("/$s") && !--r) return n;
		}
		t && t.push(n);
	}
}
function D$1(n) {
	n && (n.__c && (n.__c.__g |= 4), n.__k && n.__k.some(D$1));
}
function E$1(t, r, u) {
	for (var i = 0; i < u.length;) G$1(u[i++], u[i++], u[i++]);
	n$1.__c && n$1.__c(r, t), t.some(function(r) {
		try {
			t = r.__h, r.__h = [], t.some(function(n) {
				n.call(r);
			});
		} catch (t) {
			n$1.__e(t, r.__v);
		}
	});
}
function F$2(t, r, u, i, f, o, e, l, c, a) {
	var s, h, y, _, k, b, m, M, $ = u.props || p$3, x = r.props, C = r.type;
	if ("svg" == C ? f = "http://www.w3.org/2000/svg" : "math" == C ? f = "http://www.w3.org/1998/Math/MathML" : f || (f = "http://www.w3.org/1999/xhtml"), o) {
		for (s = 0; s < o.length; s++) if ((k = o[s]) && (C ? k.localName == C : 3 == k.nodeType)) {
			t = k, o[s] = null;
			break;
		}
	}
	if (!t) {
		if (M = a.ownerDocument || document, !C) return M.createTextNode(x);
		t = M.createElementNS(f, C, x.is ? x : a), l && (n$1.__m && n$1.__m(r, o), l = !1), o = null;
	}
	if (C) {
		if (a = "template" == C && t.content || t, o = "textarea" == C && null != x.defaultValue ? null : o && d$3.call(a.childNodes), !l && o) for ($ = {}, s = 0; s < t.attributes.length; s++) $[(k = t.attributes[s]).name] = k.value;
		for (s in $) k = $[s], "dangerouslySetInnerHTML" == s ? y = k : "children" == s || s in x || "value" == s && "defaultValue" in x || "checked" == s && "defaultChecked" in x || N(t, s, null, k, f);
		for (s in x) k = x[s], "children" == s ? _ = k : "dangerouslySetInnerHTML" == s ? h = k : "value" == s ? b = k : "checked" == s ? m = k : l && "function" != typeof k || $[s] === k || N(t, s, k, $[s], f);
		h ? (l || y && (h.__html == y.__html || h.__html == t.innerHTML) || (t.innerHTML = h.__html), r.__k = []) : (y && (t.textContent = ""), ("foreignObject" == C || "http://www.w3.org/1998/Math/MathML" == f && v$2.test(C)) && (f = "http://www.w3.org/1999/xhtml"), I(a, w$3(_) ? _ : [_], r, u, i, f, o, e, o ? o[0] : u.__k && S$1(u, 0), l, c), o && o.some(g$3)), l && "textarea" != C || (s = "value", "progress" == C && null == b ? t.removeAttribute(s) : null == b || b === t[s] && ("progress" != C || b) || N(t, s, b, $[s], f), s = "checked", null != m && m != t[s] && N(t, s, m, $[s], f));
	} else $ === x || l && t.data == x || (t.data = x);
	return t;
}
function G$1(t, r, u, i) {
	try {
		"function" == typeof t ? r ? r.__x = t(r) || 1 : i && (i = i.__c || i.__e) && (r = i.__x) && (i.__x = null, "function" == typeof r ? r() : t(null)) : t.current = r;
	} catch (t) {
		n$1.__e(t, u);
	}
}
function J(t, r, u) {
	var i, f, o, e;
	if (n$1.unmount && n$1.unmount(t), !(i = t.ref) || i.current && i.current != t.__e || G$1(i, null, r, t), i = t.__c) {
		if (i.componentWillUnmount) try {
			i.componentWillUnmount();
		} catch (t) {
			n$1.__e(t, r);
		}
		i.__P = i.__n = null;
	}
	if (i = t.__k) for (e = 0; e < i.length; e++) i[e] && J(i[e], r, "function" != typeof t.type || u && !t.props.__P);
	!u && (i = t.__c) && (i = i.__z) && (f = B$1(i, o = [])) && (i == t.__e && o.some(g$3), g$3(f), g$3(i)), u || g$3(t.__e), t.__e = t.__c = t.__ = null;
}
function K(n, t, r) {
	return this.constructor(n, r);
}
function Q(t, r) {
	var u, i, f, o;
	n$1.__ && n$1.__(t, r), 9 == r.nodeType && (r = r.documentElement), i = (u = t && 32 & t.__u) ? null : r.__k, r.__k = m$3($, { children: [t] }), f = [], o = [], z$1(r, r.__k, i || p$3, p$3, r.namespaceURI, i ? null : r.firstChild ? d$3.call(r.childNodes) : null, f, i ? i.__e : r.firstChild, u, o), E$1(f, r.__k, o), r.__k.props.children = null;
}
n$1 = { __e: function(n, t, r, u) {
	for (var i, o, e; t = t.__;) if ((i = t.__c) && !(1 & i.__g)) {
		i.__g |= 4;
		try {
			if ((e = (o = i.constructor) && o.getDerivedStateFromError) && i.setState(o.getDerivedStateFromError(n)), i.componentDidCatch && (i.componentDidCatch(n, u || {}), e = 1), e && 8 & i.__g) return void (i.__g |= 2);
		} catch (t) {
			n = t;
		}
	}
	throw f$3 = 0, n;
} }, t$2 = 0, r$2 = function(n) {
	return null != n && n.constructor === h$3;
}, x$1.prototype.setState = function(n, t) {
	var r = this.__s;
	r && r != this.state || (r = this.__s = _$2({}, this.state)), "function" == typeof n && (n = n(_$2({}, r), this.props)), n && (_$2(r, n), this.__v && (t && this.__k.push(t), L(this)));
}, x$1.prototype.forceUpdate = function(n) {
	this.__v && (this.__g |= 4, n && this.__h.push(n), L(this));
}, x$1.prototype.render = $, u$3 = [], f$3 = 0, o$3 = function(n, t) {
	return n.__v.__b - t.__v.__b;
}, e$2 = Symbol(), l$2 = /(PointerCapture)$|Capture$/i, c$2 = 0, a$3 = {};
// node_modules/preact/hooks/dist/hooks.mjs
var t$1;
var r$1;
var u$2;
var i$1;
var o$2 = Object.is;
var f$2 = 0;
var c$1 = [];
var e$1 = [];
var a$2 = n$1;
var v$1 = a$2.__b;
var l$1 = a$2.__r;
var m$2 = a$2.diffed;
var h$2 = a$2.__c;
var s$1 = a$2.unmount;
var p$2 = a$2.__;
function y$2(n, t) {
	a$2.__h && a$2.__h(r$1, n, f$2 || t), f$2 = 0;
	var u = r$1.__H || (r$1.__H = {
		__: [],
		__h: []
	});
	return n >= u.__.length && u.__.push({}), u.__[n];
}
function d$2(n) {
	return f$2 = 1, _$1(G, n);
}
function _$1(n, u, i) {
	var f = y$2(t$1++, 2);
	if (f.t = n, !f.__c && (f.__ = [i ? i(u) : G(void 0, u), function(n) {
		var t = (f.__N || f.__)[0], r = f.t(t, n);
		o$2(t, r) || (f.__N = [r, f.__[1]], f.__c.setState({}));
	}], f.__c = r$1, !r$1.__f)) {
		r$1.__f = !0;
		var c = r$1.shouldComponentUpdate;
		r$1.shouldComponentUpdate = function(n, t, r) {
			var u = this.__H;
			if (!u) return !0;
			var i = !1, f = this.props != n;
			if (u.__.some(function(n) {
				n.__N && (i = !0, o$2(n.__[0], n.__N[0]) || (f = !0));
			}), c) {
				var e = c.call(this, n, t, r);
				return i ? e || f : e;
			}
			return !i || f;
		};
	}
	return f.__;
}
function A$1(n, u) {
	var i = y$2(t$1++, 3);
	!a$2.__s && E(i.__H, u) && (i.__P = !0, i.__ = n, i.u = u, r$1.__H.__h.push(i));
}
function F$1(n, u) {
	var i = y$2(t$1++, 4);
	!a$2.__s && E(i.__H, u) && (i.__P = !1, i.__ = n, i.u = u, r$1.__h.push(i));
}
function T(n) {
	return f$2 = 5, w$2(function() {
		return { current: n };
	}, []);
}
function w$2(n, r) {
	var u = y$2(t$1++, 7);
	return E(u.__H, r) && (u.__ = n(), u.__H = r), u.__;
}
function b$2(n, t) {
	return f$2 = 8, w$2(function() {
		return n;
	}, t);
}
function g$2() {
	var n;
	do {
		for (; n = e$1.shift();) try {
			C(n);
		} catch (t) {
			a$2.__e(t, { __: (n = n.__P) && n.__v });
		}
		for (; n = c$1.shift();) {
			var t = n.__H;
			if (n.__P && t) try {
				t.__h.some(C), t.__h.some(D), t.__h = [];
			} catch (r) {
				t.__h = [], a$2.__e(r, n.__v);
			}
		}
	} while (e$1.length);
}
a$2.__b = function(n) {
	r$1 = null, v$1 && v$1(n);
}, a$2.__ = function(n, t) {
	n && t.__k && t.__k.__m && (n.__m = t.__k.__m), p$2 && p$2(n, t);
}, a$2.__r = function(n) {
	l$1 && l$1(n), t$1 = 0;
	var i = (r$1 = n.__c).__H;
	i && (u$2 == r$1 ? r$1.__h = [] : (i.__h.some(C), i.__h.some(D), t$1 = 0), i.__h = [], i.__.some(function(n) {
		n.__N && (n.__ = n.__N), n.u = n.__N = void 0;
	})), u$2 = r$1;
}, a$2.diffed = function(n) {
	m$2 && m$2(n);
	var t = n.__c;
	t && t.__H && (t.__H.__h.length && B(c$1.push(t)), t.__H.__.some(function(n) {
		n.u && (n.__H = n.u);
	})), u$2 = r$1 = null;
}, a$2.__c = function(n, t) {
	t.some(function(n) {
		try {
			n.__h.some(C), n.__h = n.__h.filter(function(n) {
				return !n.__ || D(n);
			});
		} catch (t) {
			n.__h = [function() {
				throw t;
			}];
		}
	}), h$2 && h$2(n, t);
}, a$2.unmount = function(n) {
	s$1 && s$1(n);
	var t, r, u = n.__c;
	u && u.__H && (u.__H.__.some(function(u) {
		try {
			if (u.__P && u.__c) {
				if (void 0 === r) {
					for (r = n.__; r && (!r.__c || !r.__c.__P);) r = r.__;
					r = r && r.__c;
				}
				u.__P = r, B(e$1.push(u));
			} else C(u);
		} catch (n) {
			t = n;
		}
	}), u.__H = void 0, t && a$2.__e(t, u.__v));
};
var k$1 = "function" == typeof requestAnimationFrame;
function z(n) {
	var t, r = function() {
		clearTimeout(u), k$1 && cancelAnimationFrame(t), setTimeout(n);
	}, u = setTimeout(r, 35);
	k$1 && (t = requestAnimationFrame(r));
}
function B(n) {
	1 != n && i$1 == a$2.requestAnimationFrame || ((i$1 = a$2.requestAnimationFrame) || z)(g$2);
}
function C(n) {
	var t = r$1, u = n.__c;
	"function" == typeof u && (n.__c = void 0, u()), r$1 = t;
}
function D(n) {
	var t = r$1;
	n.__c = n.__(), r$1 = t;
}
function E(n, t) {
	return !n || n.length != t.length || t.some(function(t, r) {
		return !o$2(t, n[r]);
	});
}
function G(n, t) {
	return "function" == typeof t ? t(n) : t;
}
// node_modules/@preact/signals-core/dist/signals-core.module.js
var i = Symbol.for("preact-signals");
function t() {
	if (!(v > 1)) {
		var i, t = !1;
		(function() {
			var i = c;
			c = void 0;
			while (void 0 !== i) {
				var t = i.S;
				if (t.v === i.v) {
					for (var r = t.t; void 0 !== r; r = r.x) if (r.i === i.i) r.i = t.i;
				}
				i = i.o;
			}
		})();
		while (void 0 !== h$1) {
			var r = h$1;
			h$1 = void 0;
			s++;
			while (void 0 !== r) {
				var n = r.u;
				r.u = void 0;
				r.f &= -3;
				if (!(8 & r.f) && w$1(r)) try {
					r.c();
				} catch (r) {
					if (!t) {
						i = r;
						t = !0;
					}
				}
				r = n;
			}
		}
		s = 0;
		v--;
		if (t) throw i;
	} else v--;
}
function r(i) {
	if (v > 0) return i();
	u$1 = ++e;
	v++;
	try {
		return i();
	} finally {
		t();
	}
}
var n;
var o$1 = void 0;
function f$1(i) {
	var t = o$1, r = n;
	o$1 = void 0;
	n = void 0;
	try {
		return i();
	} finally {
		o$1 = t;
		n = r;
	}
}
var h$1 = void 0;
var v = 0;
var s = 0;
var e = 0;
var u$1 = 0;
var c = void 0;
var a$1 = 0;
function d$1(i) {
	if (void 0 !== o$1) {
		var t = i.n;
		if (void 0 === t || t.t !== o$1) {
			t = {
				i: 0,
				S: i,
				p: o$1.s,
				n: void 0,
				t: o$1,
				e: void 0,
				x: void 0,
				r: t
			};
			if (void 0 !== o$1.s) o$1.s.n = t;
			o$1.s = t;
			i.n = t;
			if (32 & o$1.f) i.S(t);
			return t;
		} else if (-1 === t.i) {
			t.i = 0;
			if (void 0 !== t.n) {
				t.n.p = t.p;
				if (void 0 !== t.p) t.p.n = t.n;
				t.p = o$1.s;
				t.n = void 0;
				o$1.s.n = t;
				o$1.s = t;
			}
			return t;
		}
	}
}
function l(i, t) {
	this.v = i;
	this.i = 0;
	this.n = void 0;
	this.t = void 0;
	this.l = 0;
	this.W = null == t ? void 0 : t.watched;
	this.Z = null == t ? void 0 : t.unwatched;
	this.name = null == t ? void 0 : t.name;
}
l.prototype.brand = i;
l.prototype.h = function() {
	return !0;
};
l.prototype.S = function(i) {
	var t = this, r = this.t;
	if (r !== i && void 0 === i.e) {
		i.x = r;
		this.t = i;
		if (void 0 !== r) r.e = i;
		else f$1(function() {
			var i;
			null == (i = t.W) || i.call(t);
		});
	}
};
l.prototype.U = function(i) {
	var t = this;
	if (void 0 !== this.t) {
		var r = i.e, n = i.x;
		if (void 0 !== r) {
			r.x = n;
			i.e = void 0;
		}
		if (void 0 !== n) {
			n.e = r;
			i.x = void 0;
		}
		if (i === this.t) {
			this.t = n;
			if (void 0 === n) f$1(function() {
				var i;
				null == (i = t.Z) || i.call(t);
			});
		}
	}
};
l.prototype.subscribe = function(i) {
	var t = this;
	return x(function() {
		var r = t.value;
		f$1(function() {
			return i(r);
		});
	}, { name: "sub" });
};
l.prototype.valueOf = function() {
	return this.value;
};
l.prototype.toString = function() {
	return this.value + "";
};
l.prototype.toJSON = function() {
	return this.value;
};
l.prototype.peek = function() {
	var i = this;
	return f$1(function() {
		return i.value;
	});
};
Object.defineProperty(l.prototype, "value", {
	get: function() {
		var i = d$1(this);
		if (void 0 !== i) i.i = this.i;
		return this.v;
	},
	set: function(i) {
		if (i !== this.v) {
			if (s > 100) throw new Error("Cycle detected");
			(function(i) {
				if (0 !== v && 0 === s) {
					if (i.l !== u$1) {
						i.l = u$1;
						c = {
							S: i,
							v: i.v,
							i: i.i,
							o: c
						};
					}
				}
			})(this);
			this.v = i;
			this.i++;
			a$1++;
			v++;
			try {
				for (var r = this.t; void 0 !== r; r = r.x) r.t.N();
			} finally {
				t();
			}
		}
	}
});
function y$1(i, t) {
	return new l(i, t);
}
function w$1(i) {
	for (var t = i.s; void 0 !== t; t = t.n) if (t.S.i !== t.i || !t.S.h() || t.S.i !== t.i) return !0;
	return !1;
}
function b$1(i) {
	for (var t = i.s; void 0 !== t; t = t.n) {
		var r = t.S.n;
		if (void 0 !== r) t.r = r;
		t.S.n = t;
		t.i = -1;
		if (void 0 === t.n) {
			i.s = t;
			break;
		}
	}
}
function _(i) {
	var t = i.s, r = void 0;
	while (void 0 !== t) {
		var n = t.p;
		if (-1 === t.i) {
			t.S.U(t);
			if (void 0 !== n) n.n = t.n;
			if (void 0 !== t.n) t.n.p = n;
		} else r = t;
		t.S.n = t.r;
		if (void 0 !== t.r) t.r = void 0;
		t = n;
	}
	i.s = r;
}
function j(i, t) {
	l.call(this, void 0, t);
	this.x = i;
	this.s = void 0;
	this.g = a$1 - 1;
	this.f = 4;
}
j.prototype = new l();
j.prototype.h = function() {
	this.f &= -3;
	if (1 & this.f) return !1;
	if (32 == (36 & this.f)) return !0;
	this.f &= -5;
	if (this.g === a$1) return !0;
	this.g = a$1;
	this.f |= 1;
	if (this.i > 0 && !w$1(this)) {
		this.f &= -2;
		return !0;
	}
	var i = o$1;
	try {
		b$1(this);
		o$1 = this;
		var t = this.x();
		if (16 & this.f || this.v !== t || 0 === this.i) {
			this.v = t;
			this.f &= -17;
			this.i++;
		}
	} catch (i) {
		this.v = i;
		this.f |= 16;
		this.i++;
	}
	o$1 = i;
	_(this);
	this.f &= -2;
	return !0;
};
j.prototype.S = function(i) {
	if (void 0 === this.t) {
		this.f |= 36;
		for (var t = this.s; void 0 !== t; t = t.n) t.S.S(t);
	}
	l.prototype.S.call(this, i);
};
j.prototype.U = function(i) {
	if (void 0 !== this.t) {
		l.prototype.U.call(this, i);
		if (void 0 === this.t) {
			this.f &= -33;
			for (var t = this.s; void 0 !== t; t = t.n) t.S.U(t);
		}
	}
};
j.prototype.N = function() {
	if (!(2 & this.f)) {
		this.f |= 6;
		for (var i = this.t; void 0 !== i; i = i.x) i.t.N();
	}
};
Object.defineProperty(j.prototype, "value", { get: function() {
	if (1 & this.f) throw new Error("Cycle detected");
	var i = d$1(this);
	this.h();
	if (void 0 !== i) i.i = this.i;
	if (16 & this.f) throw this.v;
	return this.v;
} });
function O(i, t) {
	return new j(i, t);
}
function p$1(i) {
	var r = i.j;
	i.j = void 0;
	if ("function" == typeof r) {
		v++;
		var n = o$1;
		o$1 = void 0;
		try {
			r();
		} catch (t) {
			i.f &= -2;
			i.f |= 8;
			g$1(i);
			throw t;
		} finally {
			o$1 = n;
			t();
		}
	}
}
function g$1(i) {
	for (var t = i.s; void 0 !== t; t = t.n) t.S.U(t);
	i.x = void 0;
	i.s = void 0;
	p$1(i);
}
function S(i) {
	if (o$1 !== this) throw new Error("Out-of-order effect");
	_(this);
	o$1 = i;
	this.f &= -2;
	try {
		if (8 & this.f) g$1(this);
	} finally {
		t();
	}
}
function m$1(i, t) {
	this.x = i;
	this.j = void 0;
	this.s = void 0;
	this.u = void 0;
	this.f = 32;
	this.name = null == t ? void 0 : t.name;
	if (n) n.push(this);
}
m$1.prototype.c = function() {
	var i = this.S();
	try {
		if (8 & this.f) return;
		if (void 0 === this.x) return;
		var t = this.x();
		if ("function" == typeof t) this.j = t;
	} finally {
		i();
	}
};
m$1.prototype.S = function() {
	if (1 & this.f) throw new Error("Cycle detected");
	this.f |= 1;
	this.f &= -9;
	p$1(this);
	b$1(this);
	v++;
	var i = o$1;
	o$1 = this;
	return S.bind(this, i);
};
m$1.prototype.N = function() {
	if (!(2 & this.f)) {
		this.f |= 2;
		this.u = h$1;
		h$1 = this;
	}
};
m$1.prototype.d = function() {
	this.f |= 8;
	if (!(1 & this.f)) g$1(this);
};
m$1.prototype.dispose = function() {
	this.d();
};
function x(i, t) {
	var r = new m$1(i, t);
	try {
		r.c();
	} catch (i) {
		r.d();
		throw i;
	}
	var n = r.d.bind(r);
	n[Symbol.dispose] = n;
	return n;
}
// node_modules/@preact/signals/dist/signals.module.js
var h;
var p;
var m = "undefined" != typeof window && !!window.__PREACT_SIGNALS_DEVTOOLS__;
var g = [];
x(function() {
	h = this.N;
})();
function b(i, n) {
	n$1[i] = n.bind(null, n$1[i] || function() {});
}
function y(i) {
	if (p) {
		var n = p;
		p = void 0;
		n();
	}
	p = i && i.S();
}
function w(i) {
	var n = this, r = i.data, t = useSignal(r);
	t.name = "ReactiveDom";
	t.value = r;
	var e = w$2(function() {
		var i = n, r = n.__v;
		while (r = r.__) if (r.__c) {
			r.__c.__$f |= 4;
			break;
		}
		var o = O(function() {
			var i = t.value.value;
			return 0 === i ? 0 : !0 === i ? "" : i || "";
		}), e = O(function() {
			return !Array.isArray(o.value) && !r$2(o.value);
		}), u = x(function() {
			this.N = M;
			if (e.value) {
				var n = o.value;
				if (i.__v && i.__v.__e && 3 === i.__v.__e.nodeType) i.__v.__e.data = n;
			}
		}), c = n.__$u.d;
		n.__$u.d = function() {
			u();
			c.call(this);
		};
		return [e, o];
	}, []), u = e[0], c = e[1];
	return u.value ? c.peek() : c.value;
}
w.displayName = "ReactiveTextNode";
Object.defineProperties(l.prototype, {
	constructor: {
		configurable: !0,
		value: k$2($, null).constructor
	},
	type: {
		configurable: !0,
		value: w
	},
	props: {
		configurable: !0,
		get: function() {
			var i = this;
			return { data: { get value() {
				return i.value;
			} } };
		}
	},
	__b: {
		configurable: !0,
		value: 1
	}
});
b("__b", function(i, n) {
	y();
	if ("string" == typeof n.type) {
		var r, t = n.props;
		for (var f in t) if ("children" !== f) {
			var o = t[f];
			if (o instanceof l) {
				if (!r) n.__np = r = {};
				r[f] = o;
				t[f] = o.peek();
			}
		}
	}
	i(n);
});
b("__r", function(i, r) {
	i(r);
	if (r.type !== $) {
		y();
		var t, f = r.__c;
		if (f) {
			f.__$f &= -2;
			if (void 0 === (t = f.__$u)) f.__$u = t = function(i, n) {
				var r;
				x(function() {
					r = this;
				}, { name: n });
				r.c = i;
				return r;
			}(function(i) {
				return function() {
					var n;
					if (m) null == (n = this.y) || n.call(this);
					i.__$f |= 1;
					i.setState({});
				};
			}(f), "function" == typeof r.type ? r.type.displayName || r.type.name : "");
		}
		y(t);
	}
});
b("__e", function(i, n, r, t) {
	y();
	i(n, r, t);
});
b("diffed", function(i, n) {
	y();
	var r;
	if ("string" == typeof n.type && (r = n.__e)) {
		var t = n.__np, f = n.props, o = r.U;
		if (o) for (var e in o) {
			var u = o[e];
			if (!(void 0 === u || t && e in t)) {
				u.d();
				o[e] = void 0;
			}
		}
		if (t) {
			if (!o) {
				o = {};
				r.U = o;
			}
			for (var a in t) {
				var c = o[a], v = t[a];
				if (void 0 === c) {
					c = k(r, a, v, f);
					o[a] = c;
				} else c.o(v, f);
			}
		}
	}
	i(n);
});
function k(i, n, r, t) {
	var f = n in i && void 0 === i.ownerSVGElement, o = y$1(r);
	return {
		o: function(i, n) {
			o.value = i;
			t = n;
		},
		d: x(function() {
			this.N = M;
			var r = o.value.value;
			if (t[n] !== r) {
				t[n] = r;
				if (f) i[n] = r;
				else if (null != r && (!1 !== r || "-" === n[4])) i.setAttribute(n, r);
				else i.removeAttribute(n);
			}
		})
	};
}
b("unmount", function(i, n) {
	if ("string" == typeof n.type) {
		var r = n.__e;
		if (r) {
			var t = r.U;
			if (t) {
				r.U = void 0;
				for (var f in t) {
					var o = t[f];
					if (o) o.d();
				}
			}
		}
		var e = n.__np;
		if (e) {
			var u = n.props;
			for (var a in e) u[a] = e[a];
		}
		n.__np = void 0;
	} else {
		var c = n.__c;
		if (c) {
			c.__$f |= 8;
			var v = c.__$u;
			if (v) {
				c.__$u = void 0;
				v.d();
			}
		}
	}
	i(n);
});
b("__h", function(i, n, r, t) {
	if (t < 3) n.__$f |= 2;
	i(n, r, t);
});
x$1.prototype.shouldComponentUpdate = function(i, n) {
	if (this.__R) return !0;
	var r = this.__$u, t = r && void 0 !== r.s;
	for (var f in n) return !0;
	if (this.__f || "boolean" == typeof this.u && !0 === this.u) {
		var o = 2 & this.__$f;
		if (!(t || o || 4 & this.__$f)) return !0;
		if (1 & this.__$f) return !0;
	} else {
		if (!(t || 4 & this.__$f)) return !0;
		if (3 & this.__$f) return !0;
	}
	for (var e in i) if ("__source" !== e && i[e] !== this.props[e]) return !0;
	for (var u in this.props) if (!(u in i)) return !0;
	return !1;
};
function useSignal(i, n) {
	return w$2(function() {
		return y$1(i, n);
	}, []);
}
var A = function(i) {
	queueMicrotask(function() {
		queueMicrotask(i);
	});
};
function F() {
	r(function() {
		var i;
		while (i = g.shift()) h.call(i);
	});
}
function M() {
	if (1 === g.push(this)) (n$1.requestAnimationFrame || A)(F);
}
// src/api/connection.ts
var reachable = y$1(true);
/** Grows each time the server is back, which may then be another one. */
var returns = y$1(0);
var waiting$1 = [];
function found() {
	if (reachable.value) return;
	reachable.value = true;
	returns.value += 1;
	const go = waiting$1;
	waiting$1 = [];
	for (const resolve of go) resolve();
}
function lost() {
	if (!reachable.value) return;
	reachable.value = false;
	knock();
}
function whenReachable() {
	return reachable.value ? Promise.resolve() : new Promise((resolve) => waiting$1.push(resolve));
}
async function alive() {
	return fetch("/livez", { cache: "no-store" }).then((response) => response.ok, () => false);
}
async function knock() {
	for (let pause = 500; !reachable.value; pause = Math.min(pause * 1.5, 5e3)) {
		await new Promise((resolve) => setTimeout(resolve, pause));
		if (await alive()) found();
	}
}
/** Notices within half a minute that the server has gone, while someone looks at the page. */
function watchConnection() {
	const look = async () => {
		if (document.visibilityState === "visible" && reachable.value && !await alive()) lost();
	};
	setInterval(look, 3e4);
	document.addEventListener("visibilitychange", look);
}
// src/state/notices.ts
var notice = y$1(null);
function say(text, kind = "note", field) {
	notice.value = {
		text,
		kind,
		field
	};
}
/** The text of the polite live region. */
var spoken = y$1("");
var between = 5e3;
var last = -5e3;
var due;
var next = "";
/** Announces progress: at most every five seconds, and then the newest. */
function announce(text) {
	next = text;
	if (due !== void 0) return;
	const wait = Math.max(0, last + between - performance.now());
	due = setTimeout(() => {
		due = void 0;
		last = performance.now();
		spoken.value = next;
	}, wait);
}
// src/api/token.ts
var key = "sd35.token";
/** Set while a person is asked; `rejected` tells that a token was given and is wrong. */
var question = y$1(null);
var asking = null;
var token = () => sessionStorage.getItem(key);
/** Asks for a token in place of `refused`; several calls that wait share one question. False: given up. */
function renewToken(refused) {
	if (token() !== refused) return Promise.resolve(true);
	asking ??= new Promise((resolve) => {
		question.value = {
			rejected: refused !== null,
			answer(given) {
				question.value = null;
				asking = null;
				if (given) sessionStorage.setItem(key, given);
				resolve(given !== null);
			}
		};
	});
	return asking;
}
// src/api/client.ts
/** The server answered with an error. */
var Refused = class extends Error {
	status;
	problem;
	retryAfter;
	constructor(status, problem, retryAfter) {
		super(problem.message);
		this.status = status;
		this.problem = problem;
		this.retryAfter = retryAfter;
	}
};
/** The server did not answer. */
var Gone = class extends Error {
	constructor() {
		super("The server does not answer.");
	}
};
async function call(path, { method = "GET", json, headers = {} } = {}) {
	for (;;) {
		const tried = token();
		const all = { ...headers };
		if (tried) all["Authorization"] = `Bearer ${tried}`;
		if (json !== void 0) all["Content-Type"] = "application/json";
		const body = json === void 0 ? void 0 : JSON.stringify(json);
		const response = await fetch(path, {
			method,
			headers: all,
			body,
			cache: "no-store"
		}).catch(() => {
			lost();
			throw new Gone();
		});
		found();
		if (response.ok) return response;
		const refusal = await refusalOf(response);
		if (response.status !== 401 || !await renewToken(tried)) throw refusal;
	}
}
async function getJson(path) {
	return (await call(path)).json();
}
async function postJson(path, json) {
	return (await call(path, {
		method: "POST",
		json
	})).json();
}
async function refusalOf(response) {
	const after = Number(response.headers.get("Retry-After"));
	const retryAfter = after > 0 ? after : null;
	const answer = await response.json().catch(() => null);
	const problem = answer?.error?.message ? answer.error : {
		code: "unexpected",
		message: `The server answered ${response.status}.`
	};
	return new Refused(response.status, problem, retryAfter);
}
// src/state/server.ts
var capabilities = y$1(null);
var models = y$1([]);
var loras = y$1([]);
/** The name of the model chosen; empty: the server's default. */
var chosenModel = y$1("");
var model = O(() => {
	const all = models.value;
	return all.find((one) => one.name === chosenModel.value) ?? all.find((one) => one.default) ?? all[0] ?? null;
});
var unknown = {
	width: 1024,
	height: 1024,
	num_inference_steps: 40,
	guidance_scale: 4.5,
	sampler: "euler"
};
var defaults = O(() => model.value?.defaults ?? unknown);
async function readServer() {
	const [can, has, adapters] = await Promise.all([
		getJson("/api/v1/capabilities"),
		getJson("/api/v1/models"),
		getJson("/api/v1/loras")
	]);
	capabilities.value = can;
	models.value = has.models;
	loras.value = adapters.loras.map((one) => one.name);
}
// src/state/sizes.ts
var shapes = [
	["Square", 1],
	["Portrait", 3 / 4],
	["Landscape", 4 / 3],
	["Tall", 9 / 16],
	["Wide", 16 / 9]
];
var toMultiple = (side) => Math.max(16, Math.round(side / 16) * 16);
/** The shapes offered for a model that draws this size by default: as many pixels in each. */
function shapesOf({ width, height }) {
	return shapes.map(([name, ratio]) => {
		if (ratio === 1 && width !== height) return {
			name: "Default",
			width,
			height
		};
		const area = width * height;
		return {
			name,
			width: toMultiple(Math.sqrt(area * ratio)),
			height: toMultiple(Math.sqrt(area / ratio))
		};
	});
}
/** The size in which a picture is begun with: its own, unless the model draws far fewer pixels. */
function fitted(picture, defaults) {
	const excess = picture.width * picture.height / (defaults.width * defaults.height);
	const scale = excess > 1.5 ? 1 / Math.sqrt(excess) : 1;
	const side = (length) => scale === 1 ? Math.max(16, Math.floor(length / 16) * 16) : toMultiple(length * scale);
	return {
		width: side(picture.width),
		height: side(picture.height)
	};
}
/** How `count` pictures of one shape fill a box best, and how wide each may then be. */
function layOut(count, shape, box, gap) {
	let best = {
		columns: 1,
		width: 0
	};
	for (let columns = 1; columns <= count; columns++) {
		const rows = Math.ceil(count / columns);
		const across = (box.width - gap * (columns - 1)) / columns;
		const down = (box.height - gap * (rows - 1)) / rows * (shape.width / shape.height);
		const width = Math.floor(Math.min(across, down));
		if (width > best.width) best = {
			columns,
			width
		};
	}
	return best;
}
// src/state/settings.ts
var prompt = y$1(sessionStorage.getItem("sd35.prompt") ?? "");
var negativePrompt = y$1(sessionStorage.getItem("sd35.negative") ?? "");
/** Null: the model's own. */
var size = y$1(null);
var steps = y$1(null);
var guidance = y$1(null);
var sampler = y$1(null);
var count = y$1(1);
var seed = y$1(newSeed());
/** Whether the seed stays from one drawing to the next. */
var seedKept = y$1(false);
var usedLoras = y$1([]);
var input = y$1(null);
var mask = y$1(null);
var strength = y$1(.6);
/** Options of a restored picture that the form has no control for; they are sent as they are. */
var others = y$1({});
var newest = Promise.resolve(null);
/** Takes a mask that is being encoded, unless a newer one comes before it is. */
async function takeMask(encoding) {
	newest = encoding;
	const blob = await encoding;
	if (newest === encoding) mask.value = blob;
}
/** Resolves when the newest mask has been taken. */
var maskTaken = () => newest;
var inForm = /* @__PURE__ */ new Set([...[
	"prompt",
	"negative_prompt",
	"width",
	"height",
	"num_inference_steps",
	"guidance_scale",
	"sampler",
	"seed",
	"count"
], ...[
	"model",
	"loras",
	"image",
	"mask",
	"strength",
	"init",
	"inpaint",
	"output_format",
	"previews"
]]);
var drawnSize = O(() => size.value ?? input.value ?? defaults.value);
function newSeed() {
	return crypto.getRandomValues(/* @__PURE__ */ new Uint32Array(1))[0] ?? 0;
}
x(() => sessionStorage.setItem("sd35.prompt", prompt.value));
x(() => sessionStorage.setItem("sd35.negative", negativePrompt.value));
/** The settings as the server takes them, without the pictures; what is the model's own choice is written out. */
function request() {
	const { width, height } = drawnSize.value;
	const own = defaults.value;
	return {
		...others.value,
		...model.value ? { model: model.value.name } : {},
		prompt: prompt.value.trim(),
		...negativePrompt.value.trim() ? { negative_prompt: negativePrompt.value.trim() } : {},
		width,
		height,
		num_inference_steps: steps.value ?? own.num_inference_steps,
		guidance_scale: guidance.value ?? own.guidance_scale,
		sampler: sampler.value ?? own.sampler,
		seed: seed.value,
		count: count.value,
		...usedLoras.value.length > 0 ? { loras: usedLoras.value } : {},
		...input.value ? { strength: strength.value } : {}
	};
}
/** Takes over settings of a picture. Returns what of them cannot be, for people. */
function adopt(from, picture = null, itsMask = null) {
	const missing = [];
	prompt.value = from.prompt ?? "";
	negativePrompt.value = from.negative_prompt ?? "";
	const itsModel = models.value.find((one) => one.name === from.model);
	if (itsModel) chosenModel.value = itsModel.default ? "" : itsModel.name;
	else if (from.model) missing.push(`the model ${from.model}`);
	const own = defaults.value;
	size.value = from.width && from.height ? {
		width: from.width,
		height: from.height
	} : null;
	steps.value = unless(from.num_inference_steps, own.num_inference_steps);
	guidance.value = unless(from.guidance_scale, own.guidance_scale);
	const known = from.sampler && capabilities.value?.samplers.includes(from.sampler);
	sampler.value = known ? unless(from.sampler, own.sampler) : null;
	if (from.sampler && !known) missing.push(`the sampler ${from.sampler}`);
	const wanted = from.loras ?? [];
	usedLoras.value = wanted.filter((one) => loras.value.includes(one.name));
	for (const one of wanted) if (!loras.value.includes(one.name)) missing.push(`the LoRA ${one.name}`);
	if (from.seed !== void 0 && !Number.isSafeInteger(from.seed)) missing.push("the seed, a number too large for browsers");
	else if (from.seed !== void 0) {
		seed.value = from.seed;
		seedKept.value = true;
	}
	count.value = from.count ?? 1;
	if (!picture && [
		"strength",
		"init",
		"inpaint"
	].some((name) => name in from)) missing.push("the picture it began with");
	input.value = picture;
	mask.value = itsMask;
	if (from.strength !== void 0) strength.value = from.strength;
	others.value = Object.fromEntries(Object.entries(from).filter(([name]) => !inForm.has(name)));
	return missing;
}
var unless = (value, own) => value === void 0 || value === own ? null : value;
/** Begins with a picture from elsewhere: decoded by the browser, drawn into the size that suits the model. */
async function beginWith(file) {
	const bitmap = await createImageBitmap(file).catch(() => {
		throw new Error("This file is not a picture that the browser can read.");
	});
	const wanted = fitted(bitmap, defaults.value);
	const blob = wanted.width === bitmap.width && wanted.height === bitmap.height && /^image\/(png|jpeg|webp)$/.test(file.type) ? file : await redrawn(bitmap, wanted);
	bitmap.close();
	input.value = {
		blob,
		...wanted
	};
	mask.value = null;
	size.value = null;
}
async function redrawn(bitmap, { width, height }) {
	const canvas = new OffscreenCanvas(width, height);
	const context = canvas.getContext("2d");
	context.imageSmoothingQuality = "high";
	const scale = Math.max(width / bitmap.width, height / bitmap.height);
	const [across, down] = [bitmap.width * scale, bitmap.height * scale];
	context.drawImage(bitmap, (width - across) / 2, (height - down) / 2, across, down);
	return canvas.convertToBlob({ type: "image/png" });
}
// src/state/route.ts
var view = y$1("stage");
/** The id of the gallery's picture that is shown large. */
var large = y$1(null);
function settingsAsText() {
	const found = new URLSearchParams();
	if (chosenModel.value) found.set("model", chosenModel.value);
	if (size.value) found.set("size", `${size.value.width}x${size.value.height}`);
	if (count.value !== 1) found.set("count", String(count.value));
	if (steps.value !== null) found.set("steps", String(steps.value));
	if (guidance.value !== null) found.set("guidance", String(guidance.value));
	if (sampler.value !== null) found.set("sampler", sampler.value);
	return found.size > 0 ? `?${found}` : "";
}
function hashOf(shown, picture) {
	const place = picture === null ? shown : `${shown}/${picture}`;
	return `#${place === "stage" ? "" : place}${settingsAsText()}`;
}
function readPlace() {
	const [place = ""] = location.hash.slice(1).split("?");
	const [name, picture] = place.split("/");
	r(() => {
		view.value = name === "gallery" || name === "edit" ? name : "stage";
		large.value = picture && /^\d+$/.test(picture) ? Number(picture) : null;
	});
}
function readSettings() {
	const found = new URLSearchParams(location.hash.split("?")[1] ?? "");
	const number = (name) => {
		const value = Number(found.get(name) ?? NaN);
		return Number.isFinite(value) && value > 0 ? value : null;
	};
	chosenModel.value = found.get("model") ?? "";
	const sides = /^(\d{2,5})x(\d{2,5})$/.exec(found.get("size") ?? "");
	size.value = sides ? {
		width: Number(sides[1]),
		height: Number(sides[2])
	} : null;
	count.value = Math.max(1, Math.floor(number("count") ?? 1));
	steps.value = number("steps");
	guidance.value = number("guidance");
	sampler.value = found.get("sampler");
}
/** Goes to a view, or shows a picture large over it, as a step that the browser's Back undoes. */
function go(to, picture = null) {
	if (to !== view.value || picture !== large.value) history.pushState(null, "", hashOf(to, picture));
	r(() => {
		view.value = to;
		large.value = picture;
	});
}
function startRouting() {
	readPlace();
	readSettings();
	addEventListener("popstate", readPlace);
	addEventListener("hashchange", readPlace);
	x(() => history.replaceState(null, "", hashOf(view.value, large.value)));
}
// src/api/data_url.ts
/** A file as the API takes pictures: in the text of a data URL. */
function dataUrl(blob) {
	return new Promise((resolve, reject) => {
		const reader = new FileReader();
		reader.onload = () => resolve(reader.result);
		reader.onerror = () => reject(reader.error);
		reader.readAsDataURL(blob);
	});
}
// src/api/events.ts
/** The events of a stream, each when its blank line has come, until it ends or breaks off; comments are dropped. */
async function* readEvents(stream) {
	const reader = stream.getReader();
	const decoder = new TextDecoder();
	let rest = "";
	const broken = {
		done: true,
		value: void 0
	};
	try {
		for (;;) {
			const { done, value } = await reader.read().catch(() => broken);
			if (done) return;
			rest += decoder.decode(value, { stream: true });
			const blocks = rest.split(/\r?\n\r?\n/);
			rest = blocks.pop() ?? "";
			for (const block of blocks) {
				const event = parseEvent(block);
				if (event) yield event;
			}
		}
	} finally {
		reader.cancel().catch(() => {});
	}
}
function parseEvent(block) {
	const event = {
		id: "",
		event: "message",
		data: ""
	};
	const data = [];
	for (const line of block.split(/\r?\n/)) {
		const [, name, value = ""] = /^([^:]+)(?:: ?(.*))?$/.exec(line) ?? [];
		if (name === "data") data.push(value);
		else if (name === "event" || name === "id") event[name] = value;
	}
	event.data = data.join("\n");
	return data.length > 0 ? event : null;
}
// src/state/duration.ts
/** Seconds as people say them: "12 s", "3 min 20 s", "2 h 5 min". */
function duration(seconds) {
	const whole = Math.ceil(seconds);
	if (whole < 100) return `${whole} s`;
	const minutes = Math.floor(whole / 60);
	if (minutes < 100) return whole % 60 === 0 ? `${minutes} min` : `${minutes} min ${whole % 60} s`;
	return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
var thumbnailSide = 320;
/** Newest first. */
var kept = y$1([]);
/** Why the gallery lives in memory only, where it does. */
var unkept = y$1(null);
var database = null;
var lastNumber = 0;
async function openGallery() {
	try {
		database = await open();
		const all = await settled(database.transaction("pictures").objectStore("pictures").getAll());
		all.reverse();
		kept.value = all.slice(0, 500);
		lastNumber = all[0]?.id ?? 0;
		for (const old of all.slice(500)) await erase(old);
	} catch {
		unkept.value = "This browser keeps nothing for the page: pictures are here until it is closed.";
	}
}
function open() {
	const opening = indexedDB.open("sd35", 1);
	opening.onupgradeneeded = () => opening.result.createObjectStore("pictures", {
		keyPath: "id",
		autoIncrement: true
	});
	return settled(opening);
}
function settled(wish) {
	return new Promise((resolve, reject) => {
		wish.onsuccess = () => resolve(wish.result);
		wish.onerror = () => reject(wish.error);
	});
}
/** Keeps a picture and returns it with its id. */
async function keep(picture) {
	const made = {
		...picture,
		thumbnail: await thumbnailOf(picture.blob, picture)
	};
	const whole = {
		...made,
		id: await write(made) ?? lastNumber + 1
	};
	lastNumber = Math.max(lastNumber, whole.id);
	const all = [whole, ...kept.value];
	kept.value = all.slice(0, 500);
	for (const old of all.slice(500)) await erase(old);
	return whole;
}
async function write(picture) {
	if (!database) return null;
	try {
		return await settled(database.transaction("pictures", "readwrite").objectStore("pictures").add(picture));
	} catch {
		unkept.value = "The browser's store is full: new pictures are here until the page is closed.";
		return null;
	}
}
async function remove(picture) {
	kept.value = kept.value.filter((one) => one !== picture);
	await erase(picture);
}
async function erase(picture) {
	forget(picture.blob);
	forget(picture.thumbnail);
	if (database) await settled(database.transaction("pictures", "readwrite").objectStore("pictures").delete(picture.id));
}
async function thumbnailOf(blob, { width, height }) {
	const scale = thumbnailSide / Math.max(width, height);
	if (scale >= 1) return blob;
	const bitmap = await createImageBitmap(blob, {
		resizeWidth: Math.max(1, Math.round(width * scale)),
		resizeHeight: Math.max(1, Math.round(height * scale)),
		resizeQuality: "high"
	});
	const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
	canvas.getContext("2d").drawImage(bitmap, 0, 0);
	bitmap.close();
	return canvas.convertToBlob({
		type: "image/webp",
		quality: .85
	});
}
var addresses = /* @__PURE__ */ new Map();
/** An address for <img>; the same for the same blob, until it is forgotten. */
function addressOf(blob) {
	let address = addresses.get(blob);
	if (!address) {
		address = URL.createObjectURL(blob);
		addresses.set(blob, address);
	}
	return address;
}
function forget(blob) {
	const address = addresses.get(blob);
	if (address) URL.revokeObjectURL(address);
	addresses.delete(blob);
}
/** A name for the file: the prompt's words and the seed. */
function fileName({ settings, seed, blob }) {
	const words = settings.prompt.toLowerCase().normalize("NFKD").match(/[a-z0-9]+/g) ?? ["picture"];
	const ending = blob.type === "image/jpeg" ? "jpg" : blob.type === "image/webp" ? "webp" : "png";
	return `${words.join("-").slice(0, 60).replace(/-+$/, "")}-${seed}.${ending}`;
}
// src/state/jobs.ts
/** Oldest first. */
var jobs = y$1([]);
/** The job a person chose to look at; null: whichever is being drawn, else the newest. */
var chosen = y$1(null);
var active = (job) => job.status.value === "queued" || job.status.value === "running";
var shown = O(() => {
	const all = jobs.value;
	return chosen.value ?? all.find((job) => job.status.value === "running") ?? all.find(active) ?? all.at(-1) ?? null;
});
/** Sends a request. Throws Refused or Gone. */
async function draw(request, input, mask) {
	const pictures = {
		...input ? { image: await dataUrl(input) } : {},
		...input && mask ? { mask: await dataUrl(mask) } : {}
	};
	const answer = await postJson("/api/v1/jobs", {
		...request,
		...pictures,
		output_format: "png",
		previews: true
	});
	const job = newJob(answer.id, request, input, mask);
	job.position.value = answer.position ?? 0;
	jobs.value = [...jobs.value, job];
	chosen.value = null;
	rememberActive();
	follow(job);
	return job;
}
function newJob(id, request, input, mask) {
	return {
		id,
		number: (jobs.value.at(-1)?.number ?? 0) + 1,
		request,
		input,
		mask,
		status: y$1("queued"),
		position: y$1(0),
		progress: y$1(null),
		deadline: y$1(null),
		previews: y$1([]),
		pictures: y$1([]),
		warnings: y$1([]),
		problem: y$1(null)
	};
}
async function cancel(job) {
	await call(`/api/v1/jobs/${job.id}`, { method: "DELETE" });
}
/** Takes a finished job from the strip. */
function dismiss(job) {
	jobs.value = jobs.value.filter((one) => one !== job);
	if (chosen.value === job) chosen.value = null;
}
async function follow(job) {
	let seen = "";
	while (active(job)) {
		try {
			const headers = seen ? { "Last-Event-ID": seen } : {};
			const response = await call(`/api/v1/jobs/${job.id}/events`, { headers });
			for await (const { id, event, data } of readEvents(response.body)) {
				await apply(job, event, JSON.parse(data));
				if (id) seen = id;
			}
		} catch (error) {
			if (error instanceof Refused) fail(job, lostOrRefused(error));
			else if (error instanceof Gone) await whenReachable();
			else fail(job, {
				code: "page",
				message: String(error)
			});
		}
		if (active(job)) await new Promise((resolve) => setTimeout(resolve, 300));
	}
	rememberActive();
}
function lostOrRefused(error) {
	if (error.status !== 404) return error.problem;
	return {
		code: "lost",
		message: "The server was started again in the meantime, and this drawing is lost."
	};
}
async function apply(job, event, data) {
	await handlers[event]?.(job, data);
}
var handlers = {
	queued(job, { position }) {
		job.position.value = position;
	},
	started(job) {
		job.status.value = "running";
		announce("Drawing has begun.");
	},
	async progress(job, data) {
		const finished = data.picture > (job.progress.value?.picture ?? 0);
		job.status.value = "running";
		job.progress.value = data;
		const left = data.eta_seconds;
		job.deadline.value = left === null ? null : performance.now() + left * 1e3;
		announce(spokenProgress(data, job.request.count ?? 1));
		if (finished) await collect(job, (await getJson(`/api/v1/jobs/${job.id}`)).images);
	},
	preview(job, { picture, image }) {
		const all = [...job.previews.value];
		all[picture] = image;
		job.previews.value = all;
	},
	warning(job, { message }) {
		job.warnings.value = [...job.warnings.value, message];
	},
	async done(job, { images }) {
		await collect(job, images);
		job.previews.value = [];
		job.status.value = "done";
		announce(images.length === 1 ? "The picture is done." : `${images.length} pictures are done.`);
	},
	async failed(job, { error, images = [] }) {
		await collect(job, images);
		fail(job, error);
	},
	async cancelled(job, { images = [] }) {
		await collect(job, images);
		job.status.value = "cancelled";
		announce("Cancelled.");
	}
};
function fail(job, problem) {
	job.problem.value = problem;
	job.status.value = "failed";
	announce("Drawing failed.");
}
function spokenProgress({ step, steps, picture, eta_seconds: left }, count) {
	return `${count > 1 ? `Picture ${picture + 1} of ${count}, ` : ""}step ${step} of ${steps}${left === null ? "" : `, ${duration(left)} left`}.`;
}
async function collect(job, images) {
	for (const image of images.slice(job.pictures.value.length)) {
		const blob = await (await call(image.url)).blob();
		const picture = await keep({
			made: Date.now(),
			seed: image.seed,
			width: image.width ?? job.request.width ?? 0,
			height: image.height ?? job.request.height ?? 0,
			settings: {
				...job.request,
				seed: image.seed,
				count: 1
			},
			blob,
			...job.input ? { input: job.input } : {},
			...job.mask ? { mask: job.mask } : {}
		});
		job.pictures.value = [...job.pictures.value, picture];
	}
}
var activeKey = "sd35.jobs";
function rememberActive() {
	const left = jobs.value.filter(active).map(({ id, request }) => ({
		id,
		request
	}));
	sessionStorage.setItem(activeKey, JSON.stringify(left));
}
async function resumeJobs() {
	const left = JSON.parse(sessionStorage.getItem(activeKey) ?? "[]");
	for (const { id, request } of left) {
		if (!await getJson(`/api/v1/jobs/${id}`).catch(() => null)) continue;
		const job = newJob(id, request, null, null);
		jobs.value = [...jobs.value, job];
		follow(job);
	}
	rememberActive();
}
// src/view/drawing.ts
var sending = y$1(false);
async function drawNow() {
	if (sending.value) return;
	if (prompt.value.trim() === "") {
		say("Say what the picture should show.", "error", "prompt");
		document.querySelector("#prompt")?.focus();
		return;
	}
	sending.value = true;
	notice.value = null;
	try {
		await maskTaken();
		if (!capabilities.value) await readServer();
		if (!seedKept.value) seed.value = newSeed();
		await draw(request(), input.value?.blob ?? null, input.value ? mask.value : null);
		go("stage");
		document.querySelector("#stage")?.scrollIntoView({ block: "nearest" });
	} catch (error) {
		complain(error);
	} finally {
		sending.value = false;
	}
}
function complain(error) {
	if (error instanceof Gone) say("The server does not answer; try again when it is back.", "error");
	else if (error instanceof Refused) say(explained(error), "error", error.problem.field);
	else say(error instanceof Error ? error.message : String(error), "error");
}
function explained({ status, problem, retryAfter }) {
	if (status === 401) return "This server draws only for those who know its token.";
	const message = problem.message.charAt(0).toUpperCase() + problem.message.slice(1);
	const stop = /[.!?]$/.test(message) ? "" : ".";
	return retryAfter ? `${message}${stop} Try again in ${retryAfter} s.` : `${message}${stop}`;
}
// src/canvas/mask.ts
var colour = "#e0341c";
var Mask = class {
	canvas;
	base;
	deeds = [];
	undone = [];
	context;
	/** `base`: a mask to go on from, white on black, as exported. */
	constructor(canvas, base) {
		this.canvas = canvas;
		this.base = base;
		this.context = canvas.getContext("2d", { willReadFrequently: true });
		this.replay();
	}
	get canUndo() {
		return this.deeds.length > 0;
	}
	get canRedo() {
		return this.undone.length > 0;
	}
	beginStroke(point, erases) {
		this.do({
			kind: "stroke",
			erases,
			points: [point]
		});
	}
	goOn(point) {
		const deed = this.deeds.at(-1);
		if (deed?.kind !== "stroke") return;
		const from = deed.points.at(-1);
		deed.points.push(point);
		this.line(from, point, deed.erases);
	}
	invert() {
		this.do({ kind: "invert" });
	}
	clear() {
		this.do({ kind: "clear" });
	}
	undo() {
		const deed = this.deeds.pop();
		if (!deed) return;
		this.undone.push(deed);
		this.replay();
	}
	redo() {
		const deed = this.undone.pop();
		if (!deed) return;
		this.deeds.push(deed);
		this.apply(deed);
	}
	/** White where it is painted anew, on black; null where nothing is. */
	async export() {
		const { width, height } = this.canvas;
		const pixels = this.context.getImageData(0, 0, width, height);
		let any = false;
		for (let i = 0; i < pixels.data.length; i += 4) {
			const painted = pixels.data[i + 3] >= 128 ? 255 : 0;
			any ||= painted > 0;
			pixels.data[i] = pixels.data[i + 1] = pixels.data[i + 2] = painted;
			pixels.data[i + 3] = 255;
		}
		if (!any) return null;
		const sheet = new OffscreenCanvas(width, height);
		sheet.getContext("2d").putImageData(pixels, 0, 0);
		return sheet.convertToBlob({ type: "image/png" });
	}
	do(deed) {
		this.deeds.push(deed);
		this.undone = [];
		this.apply(deed);
	}
	replay() {
		this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
		if (this.base) this.drawBase(this.base);
		for (const deed of this.deeds) this.apply(deed);
	}
	drawBase(base) {
		const { width, height } = this.canvas;
		this.context.drawImage(base, 0, 0, width, height);
		const pixels = this.context.getImageData(0, 0, width, height);
		const [red, green, blue] = [
			1,
			3,
			5
		].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
		for (let i = 0; i < pixels.data.length; i += 4) {
			pixels.data[i + 3] = pixels.data[i];
			pixels.data[i] = red;
			pixels.data[i + 1] = green;
			pixels.data[i + 2] = blue;
		}
		this.context.putImageData(pixels, 0, 0);
	}
	apply(deed) {
		const { width, height } = this.canvas;
		if (deed.kind === "clear") this.context.clearRect(0, 0, width, height);
		else if (deed.kind === "invert") {
			this.context.globalCompositeOperation = "source-out";
			this.context.fillStyle = colour;
			this.context.fillRect(0, 0, width, height);
		} else {
			let from = deed.points[0];
			for (const point of deed.points) {
				this.line(from, point, deed.erases);
				from = point;
			}
		}
		this.context.globalCompositeOperation = "source-over";
	}
	line(from, to, erases) {
		const { context } = this;
		context.globalCompositeOperation = erases ? "destination-out" : "source-over";
		context.strokeStyle = colour;
		context.lineCap = "round";
		context.lineWidth = to.width;
		context.beginPath();
		context.moveTo(from.x, from.y);
		context.lineTo(to.x, to.y);
		context.stroke();
		context.globalCompositeOperation = "source-over";
	}
};
// node_modules/preact/jsx-runtime/dist/jsxRuntime.mjs
var f = Symbol.for("pv");
var o = 0;
Array.isArray;
function a(t, e, n, u, a, i) {
	e || (e = {});
	var c, l, p = e;
	if ("ref" in p && "function" != typeof t) for (l in p = {}, e) "ref" == l ? c = e[l] : p[l] = e[l];
	var s = {
		type: t,
		props: p,
		key: n,
		ref: c,
		__k: null,
		__: null,
		__b: 0,
		__e: null,
		__c: null,
		constructor: f,
		__v: --o,
		__i: -1,
		__u: 0
	};
	return (a || i) && (s.__source = a, s.__self = i), n$1.vnode && n$1.vnode(s), s;
}
// src/view/icons.tsx
var paths = {
	dice: "M2.5 2.5h11v11h-11zM5.5 5.5h.01M10.5 5.5h.01M8 8h.01M5.5 10.5h.01M10.5 10.5h.01",
	locked: "M3.5 7.5h9v6h-9zM5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5",
	unlocked: "M3.5 7.5h9v6h-9zM5.5 7.5V4.5a2.5 2.5 0 0 1 4.8-1",
	close: "M3.5 3.5l9 9M12.5 3.5l-9 9",
	left: "M10 3L5 8l5 5",
	right: "M6 3l5 5-5 5",
	plus: "M8 3v10M3 8h10",
	minus: "M3 8h10",
	undo: "M6 3L2.5 6.5 6 10M2.5 6.5H9a4 4 0 0 1 0 7H6",
	redo: "M10 3l3.5 3.5L10 10M13.5 6.5H7a4 4 0 0 0 0 7h3",
	brush: "M13.5 2.5L7 9M7 9c-2 0-2.5 1-2.5 2.5S3.5 13.5 2 13.5c1 1 6 .5 6-2.5C8 9.8 7.5 9.3 7 9z",
	eraser: "M9.5 2.5l4 4-6 7h-3l-2.5-2.5zM6 6.5l4 4M7.5 13.5h6",
	invert: "M8 2.5a5.5 5.5 0 0 0 0 11zM8 2.5a5.5 5.5 0 0 1 0 11z",
	clear: "M2.5 4.5h11M6 4.5V2.5h4v2M4 4.5l.7 9h6.6l.7-9",
	picture: "M2.5 3h11v10h-11zM2.5 11l3-3 2.5 2 2.5-3 3 3.5M5.5 5.8h.01",
	sliders: "M2.5 5h5M10.5 5h3M2.5 11h2M7.5 11h6M9 3.5v3M6 9.5v3",
	reset: "M3 8a5 5 0 1 0 1.5-3.5L3 6M3 3v3h3"
};
function Icon({ name }) {
	return /* @__PURE__ */ a("svg", {
		class: "icon",
		viewBox: "0 0 16 16",
		width: "16",
		height: "16",
		"aria-hidden": "true",
		children: /* @__PURE__ */ a("path", {
			d: paths[name],
			class: name === "invert" ? "half" : void 0
		})
	});
}
/** The page's mark: grain that becomes a picture. */
function Mark() {
	return /* @__PURE__ */ a("svg", {
		class: "mark",
		viewBox: "0 0 16 16",
		width: "22",
		height: "22",
		"aria-hidden": "true",
		children: [
			/* @__PURE__ */ a("path", { d: "M9 2.5h4.5v11H9z" }),
			/* @__PURE__ */ a("path", {
				d: "M5.8 2.5h2v2h-2zM5.8 7h2v2h-2zM5.8 11.5h2v2h-2z",
				opacity: ".8"
			}),
			/* @__PURE__ */ a("path", {
				d: "M3.5 4.8h1.4v1.4H3.5zM3.5 9.6h1.4V11H3.5z",
				opacity: ".6"
			}),
			/* @__PURE__ */ a("path", {
				d: "M1.8 3h1v1h-1zM1.8 7.5h1v1h-1zM1.8 12h1v1h-1z",
				opacity: ".4"
			})
		]
	});
}
// src/view/fields.tsx
/** The attributes that tie a control to the error about it. */
function faulty(field) {
	return notice.value?.kind === "error" && notice.value.field === field ? {
		"aria-invalid": true,
		"aria-describedby": "notice"
	} : {};
}
/** Attributes of a button that does nothing now, but keeps the focus that it may have. */
function off(isOff, act) {
	return {
		"aria-disabled": isOff,
		onClick: () => void (isOff || act())
	};
}
/** A slider and the number beside it, which may be typed. */
function Slider({ id, label, value, least, most, step, onValue, onReset, children }) {
	const read = (event) => {
		const given = event.currentTarget.valueAsNumber;
		if (Number.isFinite(given)) onValue(Math.min(Math.max(given, least), most));
		else event.currentTarget.value = String(value);
	};
	const limits = {
		min: least,
		max: most,
		step
	};
	return /* @__PURE__ */ a("div", {
		class: "field slider",
		children: [
			/* @__PURE__ */ a("label", {
				for: id,
				children: label
			}),
			onReset && /* @__PURE__ */ a("button", {
				type: "button",
				class: "bare",
				onClick: onReset,
				"aria-label": `${label}: back to the model's own`,
				children: /* @__PURE__ */ a(Icon, { name: "reset" })
			}),
			children,
			/* @__PURE__ */ a("input", {
				type: "number",
				inputMode: "decimal",
				id,
				value,
				...limits,
				onChange: read,
				...faulty(id)
			}),
			/* @__PURE__ */ a("input", {
				type: "range",
				"aria-label": `${label}, slider`,
				value,
				...limits,
				onInput: read
			})
		]
	});
}
// src/view/incoming.tsx
async function begin(file) {
	try {
		await beginWith(file);
		say("Drawing now begins with this picture.");
	} catch (error) {
		complain(error);
	}
}
async function restore(file) {
	try {
		const missing = adopt(await postJson("/api/v1/recipe", { image: await dataUrl(file) }));
		go("stage");
		say(`The picture's settings are in place.${missing.length > 0 ? ` Not taken over: ${missing.join("; ")}.` : ""}`);
	} catch (error) {
		complain(error);
	}
}
/** Two fields over the whole window while a picture is dragged over it. */
function DropTargets() {
	const [over, setOver] = d$2(false);
	A$1(() => {
		const enter = (event) => {
			if (!event.dataTransfer?.types.includes("Files")) return;
			event.preventDefault();
			setOver(true);
		};
		const leave = (event) => {
			if (event.relatedTarget === null) setOver(false);
		};
		const end = () => setOver(false);
		const paste = (event) => {
			const file = [...event.clipboardData?.files ?? []].find(({ type }) => type.startsWith("image/"));
			if (file) begin(file);
		};
		addEventListener("dragenter", enter);
		addEventListener("dragover", enter);
		addEventListener("dragleave", leave);
		addEventListener("dragend", end);
		addEventListener("paste", paste);
		return () => {
			removeEventListener("dragenter", enter);
			removeEventListener("dragover", enter);
			removeEventListener("dragleave", leave);
			removeEventListener("dragend", end);
			removeEventListener("paste", paste);
		};
	}, []);
	if (!over) return null;
	const target = (use) => ({ onDrop(event) {
		event.preventDefault();
		setOver(false);
		const file = event.dataTransfer?.files[0];
		if (file) use(file);
	} });
	return /* @__PURE__ */ a("div", {
		class: "drop",
		children: [/* @__PURE__ */ a("div", {
			id: "drop-settings",
			...target(restore),
			children: [/* @__PURE__ */ a(Icon, { name: "sliders" }), "Use its settings"]
		}), /* @__PURE__ */ a("div", {
			id: "drop-picture",
			...target(begin),
			children: [/* @__PURE__ */ a(Icon, { name: "picture" }), "Begin with it"]
		})]
	});
}
/** A button that opens the system's dialog for one picture. */
function OpenPicture({ label, use }) {
	return /* @__PURE__ */ a("label", {
		class: "open",
		children: [/* @__PURE__ */ a("input", {
			type: "file",
			class: "unseen",
			accept: "image/png,image/jpeg,image/webp",
			onChange: (event) => {
				const file = event.currentTarget.files?.[0];
				event.currentTarget.value = "";
				if (file) use(file);
			}
		}), label]
	});
}
// src/view/beginning.tsx
function Beginning() {
	const picture = input.value;
	if (!picture) return /* @__PURE__ */ a("div", {
		class: "beginning empty",
		children: [/* @__PURE__ */ a(OpenPicture, {
			label: "Begin with a picture…",
			use: begin
		}), /* @__PURE__ */ a(OpenPicture, {
			label: "Settings of a picture…",
			use: restore
		})]
	});
	return /* @__PURE__ */ a("div", {
		class: "beginning",
		role: "group",
		"aria-label": "The picture that drawing begins with",
		children: [
			/* @__PURE__ */ a("div", {
				class: "thumbnail",
				children: [/* @__PURE__ */ a("img", {
					src: addressOf(picture.blob),
					alt: "Drawing begins with this picture"
				}), mask.value && /* @__PURE__ */ a("span", {
					class: "masked",
					style: { maskImage: `url(${addressOf(mask.value)})` }
				})]
			}),
			/* @__PURE__ */ a("div", {
				class: "choices",
				children: [/* @__PURE__ */ a("button", {
					type: "button",
					class: "quiet",
					...off(view.value === "edit", () => go("edit")),
					children: mask.value ? "Change the mask" : "Paint a mask"
				}), /* @__PURE__ */ a("button", {
					type: "button",
					class: "quiet",
					onClick: () => {
						input.value = null;
						mask.value = null;
						if (view.value === "edit") go("stage");
					},
					children: "Leave out"
				})]
			}),
			view.value !== "edit" && /* @__PURE__ */ a(Strength, { id: "strength" })
		]
	});
}
function Strength({ id }) {
	return /* @__PURE__ */ a(Slider, {
		id,
		label: "Strength",
		value: strength.value,
		least: .05,
		most: 1,
		step: .05,
		onValue: (value) => strength.value = Math.round(value * 100) / 100
	});
}
function Picture({ picture, before = false }) {
	const blob = before && picture.input ? picture.input : picture.blob;
	const { width, height, settings } = picture;
	const style = { "--most": `${width * 4}px` };
	return /* @__PURE__ */ a("img", {
		class: "picture",
		src: addressOf(blob),
		width,
		height,
		style,
		alt: settings.prompt
	});
}
// src/view/room.ts
var narrow = matchMedia("(max-width: 859px)");
/** The inside of an element; where the page scrolls, as on a phone, high enough for one picture. */
function useRoom() {
	const [room, setRoom] = d$2({
		width: 0,
		height: 0
	});
	const [element, setElement] = d$2(null);
	F$1(() => {
		if (!element) return;
		const measure = () => {
			const height = narrow.matches ? Math.min(innerHeight * .72, element.clientWidth * 1.4) : element.clientHeight;
			setRoom({
				width: element.clientWidth,
				height
			});
		};
		const observer = new ResizeObserver(measure);
		observer.observe(element);
		measure();
		return () => observer.disconnect();
	}, [element]);
	return [setElement, room];
}
// src/view/editor.tsx
function Editor() {
	const picture = input.value;
	if (picture) return /* @__PURE__ */ a(Canvas, { picture }, picture.blob);
	return /* @__PURE__ */ a("section", {
		class: "editor nothing",
		"aria-label": "Canvas",
		children: [/* @__PURE__ */ a("p", { children: "There is no picture to paint on yet." }), /* @__PURE__ */ a(OpenPicture, {
			label: "Open a picture…",
			use: begin
		})]
	});
}
function Canvas({ picture }) {
	const [mask$1, setMask] = d$2(null);
	const [tool, setTool] = d$2("brush");
	const [width, setWidth] = d$2(Math.round(Math.max(picture.width, picture.height) / 8));
	const [bare, setBare] = d$2(false);
	const [, setDeeds] = d$2(0);
	const changed = b$2((of) => {
		setDeeds((before) => before + 1);
		return takeMask(of.export());
	}, []);
	const section = T(null);
	A$1(() => section.current.scrollIntoView({ block: "nearest" }), []);
	const act = (deed) => {
		if (!mask$1) return;
		deed(mask$1);
		changed(mask$1);
	};
	const most = Math.max(picture.width, picture.height) / 2;
	const resize = (by) => setWidth((before) => Math.round(Math.min(Math.max(before * by, 2), most)));
	A$1(() => {
		const keys = (event) => shortcut(event, act, resize, setTool, setBare);
		addEventListener("keydown", keys);
		addEventListener("keyup", keys);
		return () => {
			removeEventListener("keydown", keys);
			removeEventListener("keyup", keys);
		};
	});
	return /* @__PURE__ */ a("section", {
		class: "editor",
		"aria-label": "Canvas",
		ref: section,
		children: [
			/* @__PURE__ */ a("div", {
				class: "tools",
				role: "toolbar",
				"aria-label": "Tools",
				children: [/* @__PURE__ */ a(Tools, {
					tool,
					setTool,
					mask: mask$1,
					act
				}), /* @__PURE__ */ a("label", {
					class: "width",
					children: [/* @__PURE__ */ a("span", {
						class: "edge",
						children: ["Brush ", width]
					}), /* @__PURE__ */ a("input", {
						type: "range",
						min: 2,
						max: most,
						value: width,
						onInput: (event) => setWidth(event.currentTarget.valueAsNumber)
					})]
				})]
			}),
			/* @__PURE__ */ a(Sheets, {
				picture,
				tool,
				width,
				bare,
				mask: mask$1,
				onMask: setMask,
				onStroke: changed
			}),
			/* @__PURE__ */ a("div", {
				class: "foot",
				children: [
					/* @__PURE__ */ a(Strength, { id: "canvas-strength" }),
					/* @__PURE__ */ a("p", {
						class: "hint",
						children: [mask.value ? "The red part is drawn anew." : "Paint over what should change, or draw all of it anew.", " Hold C to see the picture alone."]
					}),
					/* @__PURE__ */ a("button", {
						type: "button",
						class: "quiet",
						onClick: () => go("stage"),
						children: "Close"
					}),
					/* @__PURE__ */ a("button", {
						type: "button",
						class: "strong",
						...off(sending.value, () => void drawNow()),
						children: mask.value ? "Draw the red part" : "Draw all of it"
					})
				]
			})
		]
	});
}
function shortcut(event, act, resize, setTool, setBare) {
	if (event.target.matches("textarea, select, input:not([type=range])")) return;
	const key = event.key.toLowerCase();
	if (key === "c" && !event.ctrlKey && !event.metaKey) setBare(event.type === "keydown");
	if (event.type === "keyup") return;
	if (event.ctrlKey || event.metaKey) {
		if (key === "z") act((mask) => event.shiftKey ? mask.redo() : mask.undo());
		else if (key === "y") act((mask) => mask.redo());
		else return;
		event.preventDefault();
	} else if (key === "[") resize(1 / 1.2);
	else if (key === "]") resize(1.2);
	else if (key === "b") setTool("brush");
	else if (key === "e") setTool("eraser");
}
function Tools({ tool, setTool, mask, act }) {
	return /* @__PURE__ */ a($, { children: [
		/* @__PURE__ */ a("button", {
			type: "button",
			"aria-pressed": tool === "brush",
			"aria-keyshortcuts": "b",
			onClick: () => setTool("brush"),
			children: [/* @__PURE__ */ a(Icon, { name: "brush" }), " Brush"]
		}),
		/* @__PURE__ */ a("button", {
			type: "button",
			"aria-pressed": tool === "eraser",
			"aria-keyshortcuts": "e",
			onClick: () => setTool("eraser"),
			children: [/* @__PURE__ */ a(Icon, { name: "eraser" }), " Eraser"]
		}),
		/* @__PURE__ */ a("button", {
			type: "button",
			"aria-label": "Undo",
			title: "Undo (Ctrl Z)",
			...off(!mask?.canUndo, () => act((of) => of.undo())),
			children: /* @__PURE__ */ a(Icon, { name: "undo" })
		}),
		/* @__PURE__ */ a("button", {
			type: "button",
			"aria-label": "Redo",
			title: "Redo (Ctrl Shift Z)",
			...off(!mask?.canRedo, () => act((of) => of.redo())),
			children: /* @__PURE__ */ a(Icon, { name: "redo" })
		}),
		/* @__PURE__ */ a("button", {
			type: "button",
			onClick: () => act((of) => of.invert()),
			children: [/* @__PURE__ */ a(Icon, { name: "invert" }), " Invert"]
		}),
		/* @__PURE__ */ a("button", {
			type: "button",
			onClick: () => act((of) => of.clear()),
			children: [/* @__PURE__ */ a(Icon, { name: "clear" }), " Clear"]
		})
	] });
}
function Sheets({ picture, tool, width, bare, mask: mask$2, onMask, onStroke }) {
	const below = T(null);
	const above = T(null);
	const [room, size] = useRoom();
	const stroke = T(null);
	const [cursor, setCursor] = d$2(null);
	A$1(() => {
		(async () => {
			const [ground, base] = await Promise.all([createImageBitmap(picture.blob), mask.peek() ? createImageBitmap(mask.peek()) : null]);
			below.current?.getContext("2d").drawImage(ground, 0, 0, picture.width, picture.height);
			if (above.current) onMask(new Mask(above.current, base));
		})();
	}, [picture]);
	const shownWidth = Math.min(layOut(1, picture, size, 0).width, picture.width * 4);
	const scale = shownWidth / picture.width;
	const pointOf = (event) => {
		const box = above.current.getBoundingClientRect();
		const pressure = event.pointerType === "pen" ? Math.max(.15, event.pressure) : 1;
		return {
			x: (event.clientX - box.left) / box.width * picture.width,
			y: (event.clientY - box.top) / box.height * picture.height,
			width: width * pressure
		};
	};
	const down = (event) => {
		if (!mask$2 || event.button !== 0 || stroke.current !== null) return;
		above.current.setPointerCapture(event.pointerId);
		stroke.current = event.pointerId;
		mask$2.beginStroke(pointOf(event), tool === "eraser");
	};
	const move = (event) => {
		const { x, y } = pointOf(event);
		setCursor({
			x,
			y,
			keys: false
		});
		if (!mask$2 || stroke.current !== event.pointerId) return;
		const all = event.getCoalescedEvents?.() ?? [];
		for (const one of all.length > 0 ? all : [event]) mask$2.goOn(pointOf(one));
	};
	const up = (event) => {
		if (!mask$2 || stroke.current !== event.pointerId) return;
		stroke.current = null;
		onStroke(mask$2);
	};
	const keys = (event) => {
		if (!mask$2 || event.ctrlKey || event.metaKey || event.altKey) return;
		const at = cursor ?? {
			x: picture.width / 2,
			y: picture.height / 2
		};
		const step = event.shiftKey ? 1 : Math.max(1, Math.round(width / 4));
		const by = {
			ArrowLeft: [-step, 0],
			ArrowRight: [step, 0],
			ArrowUp: [0, -step],
			ArrowDown: [0, step]
		}[event.key];
		if (by) {
			const x = Math.min(Math.max(at.x + by[0], 0), picture.width);
			const y = Math.min(Math.max(at.y + by[1], 0), picture.height);
			setCursor({
				x,
				y,
				keys: true
			});
			if (stroke.current === "keys") mask$2.goOn({
				x,
				y,
				width
			});
		} else if (event.key === " " || event.key === "Enter") {
			setCursor({
				...at,
				keys: true
			});
			if (stroke.current === null) {
				stroke.current = "keys";
				mask$2.beginStroke({
					...at,
					width
				}, tool === "eraser");
			} else if (stroke.current === "keys") stroke.current = null;
			onStroke(mask$2);
		} else return;
		event.preventDefault();
	};
	const lift = () => {
		if (stroke.current === "keys") stroke.current = null;
		setCursor(null);
	};
	return /* @__PURE__ */ a("div", {
		class: "frames",
		ref: room,
		children: /* @__PURE__ */ a("div", {
			class: "sheets",
			style: {
				width: `${shownWidth}px`,
				aspectRatio: `${picture.width} / ${picture.height}`
			},
			children: [
				/* @__PURE__ */ a("canvas", {
					ref: below,
					width: picture.width,
					height: picture.height
				}),
				/* @__PURE__ */ a("canvas", {
					ref: above,
					class: bare ? "mask bare" : "mask",
					width: picture.width,
					height: picture.height,
					tabIndex: 0,
					role: "application",
					"aria-label": "Mask over the picture. Arrow keys move the brush, Space puts it down and lifts it.",
					onPointerDown: down,
					onPointerMove: move,
					onPointerUp: up,
					onPointerCancel: up,
					onPointerLeave: () => setCursor(null),
					onKeyDown: keys,
					onKeyUp: () => stroke.current === "keys" && mask$2 && onStroke(mask$2),
					onFocus: () => setCursor((before) => before ?? {
						x: picture.width / 2,
						y: picture.height / 2,
						keys: true
					}),
					onBlur: lift
				}),
				cursor && /* @__PURE__ */ a("span", {
					class: `cursor ${tool}`,
					style: {
						left: `${cursor.x * scale}px`,
						top: `${cursor.y * scale}px`,
						width: `${width * scale}px`,
						height: `${width * scale}px`
					}
				})
			]
		})
	});
}
// src/view/gallery.tsx
function Gallery() {
	const all = kept.value;
	return /* @__PURE__ */ a("section", {
		class: "gallery",
		"aria-label": "Gallery",
		children: [/* @__PURE__ */ a("header", { children: [/* @__PURE__ */ a("h2", { children: "Gallery" }), /* @__PURE__ */ a("p", {
			class: "soft",
			children: unkept.value ?? `In this browser only, the newest 500. The server keeps no pictures.`
		})] }), all.length === 0 ? /* @__PURE__ */ a("p", {
			class: "nothing",
			children: "What you draw will be here."
		}) : /* @__PURE__ */ a("ol", { children: all.map((picture) => /* @__PURE__ */ a(Thumbnail, { picture }, picture.id)) })]
	});
}
function Thumbnail({ picture }) {
	const { id, width, height, settings, seed, thumbnail } = picture;
	return /* @__PURE__ */ a("li", {
		style: { "--ratio": String(width / height) },
		children: [/* @__PURE__ */ a("button", {
			type: "button",
			onClick: () => go("gallery", id),
			"aria-label": `${settings.prompt}, seed ${seed}`,
			children: /* @__PURE__ */ a("img", {
				src: addressOf(thumbnail),
				width,
				height,
				loading: "lazy",
				alt: ""
			})
		}), /* @__PURE__ */ a("p", {
			class: "edge",
			children: id
		})]
	});
}
// src/view/modal.ts
function useModal() {
	const dialog = T(null);
	A$1(() => {
		const before = document.activeElement;
		const element = dialog.current;
		element.showModal();
		return () => {
			element.close();
			if (before instanceof HTMLElement) before.focus({ preventScroll: true });
		};
	}, []);
	return dialog;
}
// src/view/grain.tsx
var longest = 120;
var strongest = 44;
function Grain({ seed, width, height }) {
	const canvas = T(null);
	const scale = longest / Math.max(width, height);
	const [across, down] = [width, height].map((side) => Math.max(1, Math.round(side * scale)));
	F$1(() => {
		const context = canvas.current.getContext("2d");
		const cells = context.createImageData(across, down);
		const random = randomOf(seed);
		for (let i = 3; i < cells.data.length; i += 4) cells.data[i] = strongest * random() ** 3;
		context.putImageData(cells, 0, 0);
	}, [
		seed,
		across,
		down
	]);
	return /* @__PURE__ */ a("canvas", {
		class: "grain",
		ref: canvas,
		width: across,
		height: down,
		"aria-hidden": "true"
	});
}
function randomOf(seed) {
	let state = seed >>> 0;
	return () => {
		state = state + 2654435769 >>> 0;
		let mixed = Math.imul(state ^ state >>> 16, 569420461);
		mixed = Math.imul(mixed ^ mixed >>> 15, 1935289751);
		return ((mixed ^ mixed >>> 15) >>> 0) / 2 ** 32;
	};
}
// src/view/stage.tsx
var gap = 12;
var labelHeight = 28;
function Stage() {
	const job = shown.value;
	return /* @__PURE__ */ a("section", {
		id: "stage",
		class: "stage",
		"aria-label": "Picture",
		children: [job ? /* @__PURE__ */ a(Frames, { job }, job.id) : /* @__PURE__ */ a(AtRest, {}), job && /* @__PURE__ */ a(Caption, { job })]
	});
}
var examples = [
	"A capybara holding a sign that reads Hello World",
	"A whimsical image of a waffle-hippopotamus hybrid",
	"a blue car left of a yellow house"
];
function AtRest() {
	const [ref, room] = useRoom();
	const { width, height } = drawnSize.value;
	const fits = layOut(1, {
		width,
		height
	}, {
		width: room.width,
		height: room.height - labelHeight
	}, 0).width;
	return /* @__PURE__ */ a("div", {
		class: "frames",
		ref,
		children: /* @__PURE__ */ a("div", {
			class: "frame rest",
			style: {
				width: `${Math.min(fits, 560)}px`,
				aspectRatio: `${width} / ${height}`
			},
			hidden: !model.value,
			children: [
				/* @__PURE__ */ a("span", { class: "corners" }),
				/* @__PURE__ */ a(Grain, {
					seed: seed.value,
					width,
					height
				}),
				/* @__PURE__ */ a("p", {
					class: "edge",
					children: [
						width,
						" × ",
						height
					]
				}),
				/* @__PURE__ */ a("div", {
					class: "examples",
					children: [/* @__PURE__ */ a("p", { children: "Describe a picture, or begin with one of these:" }), examples.map((text) => /* @__PURE__ */ a("button", {
						type: "button",
						class: "example",
						onClick: () => {
							prompt.value = text;
							document.querySelector("#prompt")?.focus();
						},
						children: text
					}, text))]
				})
			]
		})
	});
}
function Frames({ job }) {
	const [ref, room] = useRoom();
	const count = job.request.count ?? 1;
	const size = {
		width: job.request.width ?? 1,
		height: job.request.height ?? 1
	};
	const { columns, width } = layOut(count, size, room, gap);
	const shownWidth = Math.min(width, size.width * 4);
	return /* @__PURE__ */ a("div", {
		class: "frames",
		ref,
		children: /* @__PURE__ */ a("div", {
			class: "grid",
			style: { gridTemplateColumns: `repeat(${columns}, ${shownWidth}px)` },
			children: Array.from({ length: count }, (_, index) => /* @__PURE__ */ a(Frame, {
				job,
				index,
				size,
				shownWidth
			}, index))
		})
	});
}
function Frame({ job, index, size, shownWidth }) {
	const picture = job.pictures.value[index];
	const preview = job.previews.value[index];
	const current = job.status.value === "running" && (job.progress.value?.picture ?? 0) === index;
	const over = !active(job) && !picture;
	const style = { aspectRatio: `${size.width} / ${size.height}` };
	const softness = { filter: `blur(${(3.5 * shownWidth / size.width).toFixed(1)}px)` };
	return /* @__PURE__ */ a("div", {
		class: `frame${current ? " current" : ""}${over ? " over" : ""}`,
		style,
		children: [
			!picture && !preview && /* @__PURE__ */ a("span", { class: "corners" }),
			!preview && !picture && active(job) && /* @__PURE__ */ a(Grain, {
				seed: (job.request.seed ?? 0) + index,
				...size
			}),
			preview && !picture && /* @__PURE__ */ a("img", {
				class: "preview",
				src: preview,
				style: softness,
				alt: `Preview of picture ${index + 1}`
			}),
			picture && /* @__PURE__ */ a(Result, { picture }),
			!picture && !preview && /* @__PURE__ */ a("p", {
				class: "edge",
				children: placeholder(job, index)
			})
		]
	});
}
function placeholder(job, index) {
	if (job.status.value === "queued" && index === 0) return waiting(job.position.value);
	return active(job) ? String(index + 1) : "";
}
var waiting = (position) => position > 0 ? `${position} before it` : "Next";
function Result({ picture }) {
	const [before, setBefore] = d$2(false);
	A$1(() => {
		if (!picture.input) return;
		const key = (event) => {
			const typing = event.target.matches("input, textarea, select");
			if (event.key === "c" && !typing && !event.ctrlKey && !event.metaKey) setBefore(event.type === "keydown");
		};
		addEventListener("keydown", key);
		addEventListener("keyup", key);
		return () => {
			removeEventListener("keydown", key);
			removeEventListener("keyup", key);
		};
	}, [picture]);
	return /* @__PURE__ */ a("button", {
		type: "button",
		class: "result",
		onClick: () => go("stage", picture.id),
		"aria-label": `Open: ${picture.settings.prompt}, seed ${picture.seed}`,
		children: [/* @__PURE__ */ a(Picture, {
			picture,
			before
		}), before && /* @__PURE__ */ a("span", {
			class: "edge badge",
			children: "Before"
		})]
	});
}
var stages = {
	load: "Reading the model",
	encode_prompt: "Reading the prompt",
	encode_picture: "Looking at the picture",
	decode: "Finishing"
};
function Caption({ job }) {
	const pictures = job.pictures.value;
	const warnings = [...new Set(job.warnings.value)];
	return /* @__PURE__ */ a("div", {
		class: "caption",
		children: [
			active(job) && /* @__PURE__ */ a(Advance, { job }),
			job.problem.value && /* @__PURE__ */ a("p", {
				class: "problem",
				children: job.problem.value.message
			}),
			job.status.value === "cancelled" && /* @__PURE__ */ a("p", {
				class: "soft",
				children: ["Cancelled", pictures.length > 0 ? "; what was done is kept." : "."]
			}),
			!active(job) && /* @__PURE__ */ a(After, { job }),
			warnings.map((text) => /* @__PURE__ */ a("p", {
				class: "soft",
				children: text
			}, text))
		]
	});
}
function useSeconds(deadline) {
	const [now, setNow] = d$2(performance.now());
	A$1(() => {
		const timer = setInterval(() => setNow(performance.now()), 500);
		return () => clearInterval(timer);
	}, []);
	return deadline === null ? null : Math.max(0, (deadline - Math.max(now, performance.now())) / 1e3);
}
function Advance({ job }) {
	const progress = job.progress.value;
	const count = job.request.count ?? 1;
	const left = useSeconds(job.deadline.value);
	const queued = job.status.value === "queued";
	return /* @__PURE__ */ a("div", {
		class: "advance",
		children: [
			/* @__PURE__ */ a("progress", {
				max: 1,
				value: progress?.fraction ?? 0,
				"aria-label": "How far the drawing is"
			}),
			/* @__PURE__ */ a("p", {
				class: "edge",
				children: queued ? `Waiting · ${waiting(job.position.value)}` : where(progress, count)
			}),
			/* @__PURE__ */ a("p", {
				class: "edge left",
				children: !queued && left !== null && `${duration(left)} left`
			}),
			/* @__PURE__ */ a("button", {
				type: "button",
				class: "quiet",
				onClick: () => void cancel(job).catch(complain),
				children: "Cancel"
			})
		]
	});
}
function where(progress, count) {
	if (!progress) return "Beginning";
	const which = count > 1 ? `${progress.picture + 1} of ${count} · ` : "";
	if (progress.stage !== "denoise") return which + (stages[progress.stage] ?? "Working");
	return `${which}Step ${progress.step}/${progress.steps}`;
}
function After({ job }) {
	const only = job.pictures.value.length === 1 ? job.pictures.value[0] : null;
	const known = job.input !== null || job.request.strength === void 0;
	const again = () => void draw(job.request, job.input, job.mask).catch(complain);
	return /* @__PURE__ */ a("div", {
		class: "after",
		children: [
			/* @__PURE__ */ a("p", {
				class: "what",
				children: job.request.prompt
			}),
			only && /* @__PURE__ */ a("p", {
				class: "edge",
				children: ["Seed ", only.seed]
			}),
			only && /* @__PURE__ */ a($, { children: [/* @__PURE__ */ a("a", {
				class: "button quiet",
				href: addressOf(only.blob),
				download: fileName(only),
				children: "Download"
			}), /* @__PURE__ */ a("button", {
				type: "button",
				class: "quiet",
				onClick: () => edit(only),
				children: "Edit"
			})] }),
			job.input && /* @__PURE__ */ a("button", {
				type: "button",
				class: "quiet",
				onClick: () => returnTo(job),
				children: "Back to the canvas"
			}),
			job.status.value !== "done" && known && /* @__PURE__ */ a("button", {
				type: "button",
				class: "quiet",
				onClick: again,
				children: "Draw it again"
			}),
			only?.input && /* @__PURE__ */ a("p", {
				class: "hint",
				children: "Hold C to see it before"
			})
		]
	});
}
/** Begins with a picture of the gallery, on the canvas. */
function edit(picture) {
	const { blob, width, height } = picture;
	adopt({
		...picture.settings,
		strength: .6
	}, {
		blob,
		width,
		height
	});
	size.value = null;
	seedKept.value = false;
	go("edit");
}
function returnTo(job) {
	const { width = 0, height = 0 } = job.request;
	adopt(job.request, {
		blob: job.input,
		width,
		height
	}, job.mask);
	seedKept.value = false;
	go("edit");
}
// src/view/large.tsx
function Large() {
	const picture = kept.value.find(({ id }) => id === large.value);
	return picture ? /* @__PURE__ */ a(Open, { picture }) : null;
}
function Open({ picture }) {
	const dialog = useModal();
	const [before, setBefore] = d$2(false);
	const at = kept.value.indexOf(picture);
	const other = picture.input ? null : kept.value[at + 1] ?? null;
	const show = (index) => {
		const to = kept.value[index];
		if (to) go(view.value, to.id);
	};
	const onKeyDown = (event) => {
		if (event.ctrlKey || event.metaKey || event.altKey) return;
		if (event.key === "ArrowLeft") show(at - 1);
		else if (event.key === "ArrowRight") show(at + 1);
		else if (event.key === "c") setBefore(true);
	};
	const onKeyUp = (event) => event.key === "c" && setBefore(false);
	const shownPicture = before && other ? other : picture;
	const cancelled = (event) => {
		event.preventDefault();
		go(view.value);
	};
	return /* @__PURE__ */ a("dialog", {
		class: "large",
		ref: dialog,
		"aria-label": "Picture",
		onCancel: cancelled,
		onKeyDown,
		onKeyUp,
		children: [/* @__PURE__ */ a("div", {
			class: "view",
			children: [/* @__PURE__ */ a(Picture, {
				picture: shownPicture,
				before
			}), before && /* @__PURE__ */ a("span", {
				class: "edge badge",
				children: picture.input ? "Before" : `No. ${other?.id}`
			})]
		}), /* @__PURE__ */ a("div", {
			class: "about",
			children: [
				/* @__PURE__ */ a("div", {
					class: "turn",
					children: [
						/* @__PURE__ */ a("button", {
							type: "button",
							"aria-label": "Newer picture",
							...off(at === 0, () => show(at - 1)),
							children: /* @__PURE__ */ a(Icon, { name: "left" })
						}),
						/* @__PURE__ */ a("button", {
							type: "button",
							"aria-label": "Older picture",
							...off(at === kept.value.length - 1, () => show(at + 1)),
							children: /* @__PURE__ */ a(Icon, { name: "right" })
						}),
						/* @__PURE__ */ a("p", {
							class: "edge",
							children: ["No. ", picture.id]
						}),
						/* @__PURE__ */ a("button", {
							type: "button",
							class: "bare",
							"aria-label": "Close",
							onClick: () => go(view.value),
							children: /* @__PURE__ */ a(Icon, { name: "close" })
						})
					]
				}),
				/* @__PURE__ */ a("p", {
					class: "what",
					children: picture.settings.prompt
				}),
				/* @__PURE__ */ a(Actions, { picture }),
				/* @__PURE__ */ a(Settings, { picture }),
				(picture.input || other) && /* @__PURE__ */ a("button", {
					type: "button",
					class: "quiet hold",
					onPointerDown: () => setBefore(true),
					onPointerUp: () => setBefore(false),
					onPointerLeave: () => setBefore(false),
					onKeyDown: (event) => (event.key === " " || event.key === "Enter") && setBefore(true),
					onKeyUp: () => setBefore(false),
					children: [
						"Hold to see ",
						picture.input ? "what it began with" : "the one before",
						" ",
						/* @__PURE__ */ a("kbd", { children: "C" })
					]
				})
			]
		})]
	});
}
function Actions({ picture }) {
	const use = () => {
		const { blob, width, height, settings } = {
			...picture,
			blob: picture.input
		};
		adopt(settings, blob ? {
			blob,
			width,
			height
		} : null, picture.mask ?? null);
		go("stage");
		say("The picture's settings are in place.");
	};
	const drop = () => {
		const at = kept.value.indexOf(picture);
		const next = kept.value[at + 1] ?? kept.value[at - 1];
		go(view.value, next?.id ?? null);
		remove(picture);
	};
	return /* @__PURE__ */ a("div", {
		class: "actions",
		children: [
			/* @__PURE__ */ a("a", {
				class: "button strong",
				href: addressOf(picture.blob),
				download: fileName(picture),
				children: "Download"
			}),
			/* @__PURE__ */ a("button", {
				type: "button",
				onClick: use,
				children: "Use settings"
			}),
			/* @__PURE__ */ a("button", {
				type: "button",
				onClick: () => edit(picture),
				children: "Edit"
			}),
			/* @__PURE__ */ a("button", {
				type: "button",
				class: "quiet",
				onClick: drop,
				children: "Delete"
			})
		]
	});
}
function Settings({ picture }) {
	const { settings, width, height, seed, made, input } = picture;
	return /* @__PURE__ */ a("dl", { children: [
		["Size", `${width} × ${height}`],
		["Seed", seed],
		["Steps", settings.num_inference_steps],
		["Guidance", settings.guidance_scale],
		["Sampler", settings.sampler],
		["Model", settings.model],
		["LoRAs", settings.loras?.map(({ name, weight }) => `${name} ${weight}`).join(", ")],
		["Negative", settings.negative_prompt],
		["Strength", input && settings.strength],
		["Made", new Date(made).toLocaleString(void 0, {
			dateStyle: "medium",
			timeStyle: "short"
		})]
	].map(([name, value]) => value !== void 0 && /* @__PURE__ */ a("div", { children: [/* @__PURE__ */ a("dt", { children: name }), /* @__PURE__ */ a("dd", { children: value })] }, name)) });
}
// src/view/more.tsx
var inside = /* @__PURE__ */ new Set([
	"negative_prompt",
	"num_inference_steps",
	"guidance_scale",
	"seed",
	"sampler",
	"loras",
	"model"
]);
function More() {
	const details = T(null);
	const field = notice.value?.field;
	A$1(() => {
		if (field && inside.has(field)) details.current.open = true;
	}, [field]);
	return /* @__PURE__ */ a("details", {
		class: "more",
		ref: details,
		children: [
			/* @__PURE__ */ a("summary", { children: ["More ", /* @__PURE__ */ a("span", {
				class: "edge",
				children: changes().join(" · ")
			})] }),
			/* @__PURE__ */ a(Negative, {}),
			/* @__PURE__ */ a(Steps, {}),
			/* @__PURE__ */ a(Guidance, {}),
			/* @__PURE__ */ a(Seed, {}),
			/* @__PURE__ */ a(Choices, {}),
			/* @__PURE__ */ a(Loras, {}),
			/* @__PURE__ */ a(Others, {})
		]
	});
}
function changes() {
	return [
		negativePrompt.value.trim() && "negative",
		steps.value !== null && `${steps.value} steps`,
		guidance.value !== null && `guidance ${guidance.value}`,
		seedKept.value && "seed kept",
		sampler.value,
		...usedLoras.value.map(({ name }) => name),
		chosenModel.value,
		Object.keys(others.value).length > 0 && `${Object.keys(others.value).length} more`
	].filter((text) => Boolean(text));
}
function Negative() {
	return /* @__PURE__ */ a("div", {
		class: "field tall",
		children: [/* @__PURE__ */ a("label", {
			for: "negative_prompt",
			children: "Negative prompt"
		}), /* @__PURE__ */ a("textarea", {
			id: "negative_prompt",
			rows: 2,
			value: negativePrompt.value,
			onInput: (event) => negativePrompt.value = event.currentTarget.value,
			...faulty("negative_prompt")
		})]
	});
}
function Steps() {
	const own = defaults.value.num_inference_steps;
	return /* @__PURE__ */ a(Slider, {
		id: "num_inference_steps",
		label: "Steps",
		value: steps.value ?? own,
		least: 1,
		most: capabilities.value?.limits.max_steps ?? 150,
		step: 1,
		onValue: (value) => steps.value = Math.round(value) === own ? null : Math.round(value),
		onReset: steps.value === null ? void 0 : () => steps.value = null
	});
}
function Guidance() {
	const own = defaults.value.guidance_scale;
	return /* @__PURE__ */ a(Slider, {
		id: "guidance_scale",
		label: "Guidance",
		value: guidance.value ?? own,
		least: 1,
		most: 15,
		step: .1,
		onValue: (value) => guidance.value = value === own ? null : value,
		onReset: guidance.value === null ? void 0 : () => guidance.value = null
	});
}
function Seed() {
	const kept = seedKept.value;
	return /* @__PURE__ */ a("div", {
		class: "field seed",
		children: [
			/* @__PURE__ */ a("label", {
				for: "seed",
				children: "Seed"
			}),
			/* @__PURE__ */ a("input", {
				type: "number",
				id: "seed",
				min: 0,
				max: Number.MAX_SAFE_INTEGER,
				step: 1,
				value: seed.value,
				onChange: (event) => {
					const given = event.currentTarget.valueAsNumber;
					if (Number.isSafeInteger(given) && given >= 0) {
						seed.value = given;
						seedKept.value = true;
					} else event.currentTarget.value = String(seed.value);
				},
				...faulty("seed")
			}),
			/* @__PURE__ */ a("button", {
				type: "button",
				"aria-label": "Another seed",
				title: "Another seed",
				onClick: () => seed.value = newSeed(),
				children: /* @__PURE__ */ a(Icon, { name: "dice" })
			}),
			/* @__PURE__ */ a("button", {
				type: "button",
				"aria-label": "Keep this seed",
				title: kept ? "This seed is kept" : "Each drawing takes another seed",
				"aria-pressed": kept,
				onClick: () => seedKept.value = !kept,
				children: /* @__PURE__ */ a(Icon, { name: kept ? "locked" : "unlocked" })
			})
		]
	});
}
function Choices() {
	return /* @__PURE__ */ a($, { children: [/* @__PURE__ */ a("div", {
		class: "field",
		children: [/* @__PURE__ */ a("label", {
			for: "sampler",
			children: "Sampler"
		}), /* @__PURE__ */ a("select", {
			id: "sampler",
			value: sampler.value ?? defaults.value.sampler,
			onChange: (event) => {
				const name = event.currentTarget.value;
				sampler.value = name === defaults.value.sampler ? null : name;
			},
			...faulty("sampler"),
			children: (capabilities.value?.samplers ?? [defaults.value.sampler]).map((name) => /* @__PURE__ */ a("option", { children: name }, name))
		})]
	}), models.value.length > 1 && /* @__PURE__ */ a("div", {
		class: "field",
		children: [/* @__PURE__ */ a("label", {
			for: "model",
			children: "Model"
		}), /* @__PURE__ */ a("select", {
			id: "model",
			value: model.value?.name,
			onChange: (event) => {
				const name = event.currentTarget.value;
				chosenModel.value = models.value.find((one) => one.name === name)?.default ? "" : name;
			},
			...faulty("model"),
			children: models.value.map(({ name }) => /* @__PURE__ */ a("option", { children: name }, name))
		})]
	})] });
}
function Others() {
	const all = Object.entries(others.value);
	if (all.length === 0) return null;
	return /* @__PURE__ */ a("ul", {
		class: "others",
		"aria-label": "Further settings of the picture",
		children: all.map(([name, value]) => /* @__PURE__ */ a("li", { children: [/* @__PURE__ */ a("code", { children: [
			name,
			" ",
			typeof value === "string" ? value : JSON.stringify(value)
		] }), /* @__PURE__ */ a("button", {
			type: "button",
			class: "bare",
			"aria-label": `Leave out ${name}`,
			onClick: () => others.value = Object.fromEntries(all.filter(([each]) => each !== name)),
			children: /* @__PURE__ */ a(Icon, { name: "close" })
		})] }, name))
	});
}
function Loras() {
	const used = usedLoras.value;
	const left = loras.value.filter((name) => !used.some((one) => one.name === name));
	if (loras.value.length === 0) return null;
	const weigh = (name, weight) => {
		usedLoras.value = used.map((one) => one.name === name ? {
			name,
			weight
		} : one);
	};
	return /* @__PURE__ */ a("div", {
		class: "loras",
		role: "group",
		"aria-label": "LoRAs",
		children: [used.map(({ name, weight }) => /* @__PURE__ */ a(Slider, {
			id: `lora-${name}`,
			label: name,
			value: weight,
			least: -1,
			most: 2,
			step: .05,
			onValue: (value) => weigh(name, Math.round(value * 100) / 100),
			children: /* @__PURE__ */ a("button", {
				type: "button",
				class: "bare",
				"aria-label": `Leave out ${name}`,
				onClick: () => usedLoras.value = used.filter((one) => one.name !== name),
				children: /* @__PURE__ */ a(Icon, { name: "close" })
			})
		}, name)), left.length > 0 && /* @__PURE__ */ a("div", {
			class: "field",
			children: [/* @__PURE__ */ a("label", {
				for: "loras",
				children: "LoRA"
			}), /* @__PURE__ */ a("select", {
				id: "loras",
				value: "",
				onChange: (event) => {
					const name = event.currentTarget.value;
					event.currentTarget.value = "";
					if (name) usedLoras.value = [...used, {
						name,
						weight: 1
					}];
				},
				...faulty("loras"),
				children: [/* @__PURE__ */ a("option", {
					value: "",
					children: "Add one…"
				}), left.map((name) => /* @__PURE__ */ a("option", { children: name }, name))]
			})]
		})]
	});
}
// src/view/sizes.tsx
var same = (a, b) => a.width === b.width && a.height === b.height;
function Sizes() {
	const [own, setOwn] = d$2(false);
	const now = drawnSize.value;
	const picture = input.value;
	const shapes = shapesOf(defaults.value).filter((shape) => !picture || !same(shape, picture));
	const found = !own && shapes.find((shape) => same(shape, now));
	const ofPicture = !own && picture !== null && same(now, picture);
	const choose = (wanted) => {
		setOwn(false);
		size.value = wanted;
	};
	return /* @__PURE__ */ a("div", {
		class: "sizes",
		role: "radiogroup",
		"aria-labelledby": "sizes-label",
		children: [
			/* @__PURE__ */ a("p", { children: [/* @__PURE__ */ a("span", {
				id: "sizes-label",
				children: "Size"
			}), /* @__PURE__ */ a("span", {
				class: "edge",
				children: model.value && `${now.width} × ${now.height}`
			})] }),
			/* @__PURE__ */ a("div", {
				class: "chips",
				children: [
					picture && /* @__PURE__ */ a(Chip, {
						name: "As the picture",
						shape: picture,
						checked: ofPicture,
						onChoose: () => choose(null)
					}),
					shapes.map((shape) => /* @__PURE__ */ a(Chip, {
						name: shape.name,
						shape,
						checked: !ofPicture && found === shape,
						onChoose: () => choose(!picture && same(shape, defaults.value) ? null : {
							width: shape.width,
							height: shape.height
						})
					}, shape.name)),
					/* @__PURE__ */ a(Chip, {
						name: "Another",
						shape: null,
						checked: !ofPicture && !found,
						onChoose: () => setOwn(true)
					})
				]
			}),
			!ofPicture && !found && /* @__PURE__ */ a(Numbers, {})
		]
	});
}
function Chip({ name, shape, checked, onChoose }) {
	const label = shape ? `${name}, ${shape.width} by ${shape.height}` : `${name} size`;
	const longest = shape ? 20 / Math.max(shape.width, shape.height) : 0;
	return /* @__PURE__ */ a("label", {
		class: "chip",
		title: label,
		children: [/* @__PURE__ */ a("input", {
			type: "radio",
			name: "size",
			class: "unseen",
			"aria-label": label,
			checked,
			onChange: onChoose
		}), shape ? /* @__PURE__ */ a("span", {
			class: "shape",
			style: {
				width: `${shape.width * longest}px`,
				height: `${shape.height * longest}px`
			}
		}) : /* @__PURE__ */ a("span", {
			class: "dots",
			"aria-hidden": "true",
			children: "···"
		})]
	});
}
function Numbers() {
	const { width, height } = drawnSize.value;
	const most = capabilities.value?.limits.max_pixels ?? Number.POSITIVE_INFINITY;
	const set = (wanted) => {
		if (Number.isFinite(wanted.width + wanted.height)) size.value = {
			width: toMultiple(wanted.width),
			height: toMultiple(wanted.height)
		};
	};
	const side = (name, other) => /* @__PURE__ */ a("div", {
		class: "field",
		children: [/* @__PURE__ */ a("label", {
			for: name,
			children: name === "width" ? "Width" : "Height"
		}), /* @__PURE__ */ a("input", {
			type: "number",
			id: name,
			min: 16,
			max: Math.floor(most / other / 16) * 16,
			step: 16,
			value: drawnSize.value[name],
			onChange: (event) => set({
				width,
				height,
				[name]: event.currentTarget.valueAsNumber
			}),
			...faulty(name)
		})]
	});
	return /* @__PURE__ */ a("div", {
		class: "pair",
		children: [side("width", height), side("height", width)]
	});
}
// src/view/panel.tsx
var mac = /^(Mac|iP)/.test(navigator.platform);
function Panel() {
	const submit = (event) => {
		event.preventDefault();
		drawNow();
	};
	return /* @__PURE__ */ a("div", {
		class: "panel",
		children: [/* @__PURE__ */ a(Masthead, {}), /* @__PURE__ */ a("form", {
			"aria-label": "What to draw",
			onSubmit: submit,
			noValidate: true,
			children: [
				/* @__PURE__ */ a(Prompt, {}),
				/* @__PURE__ */ a("button", {
					type: "submit",
					class: "draw",
					"aria-disabled": sending.value,
					"aria-keyshortcuts": "Control+Enter",
					children: ["Draw ", /* @__PURE__ */ a("kbd", { children: [mac ? "⌘" : "Ctrl", " Enter"] })]
				}),
				/* @__PURE__ */ a(Said, {}),
				/* @__PURE__ */ a(Sizes, {}),
				/* @__PURE__ */ a(Count, {}),
				/* @__PURE__ */ a(Beginning, {}),
				/* @__PURE__ */ a(More, {})
			]
		})]
	});
}
function Masthead() {
	const there = view.value === "gallery";
	return /* @__PURE__ */ a("header", {
		class: "masthead",
		children: [
			/* @__PURE__ */ a("h1", { children: [/* @__PURE__ */ a(Mark, {}), "sd35"] }),
			/* @__PURE__ */ a("p", {
				class: "edge",
				title: capabilities.value ? `sd35 ${capabilities.value.version}` : void 0,
				children: model.value?.name
			}),
			/* @__PURE__ */ a("button", {
				type: "button",
				class: "quiet",
				onClick: () => go(there ? "stage" : "gallery"),
				children: there ? "Back to drawing" : `Gallery ${kept.value.length || ""}`
			})
		]
	});
}
function Prompt() {
	const area = T(null);
	A$1(() => {
		if (matchMedia("(pointer: fine)").matches) area.current.focus();
	}, []);
	A$1(() => {
		const element = area.current;
		element.style.height = "auto";
		element.style.height = `${element.scrollHeight}px`;
	}, [prompt.value]);
	return /* @__PURE__ */ a($, { children: [/* @__PURE__ */ a("label", {
		for: "prompt",
		class: "unseen",
		children: "Prompt"
	}), /* @__PURE__ */ a("textarea", {
		id: "prompt",
		ref: area,
		rows: 3,
		maxLength: capabilities.value?.limits.max_prompt,
		placeholder: "What should the picture show?",
		value: prompt.value,
		onInput: (event) => {
			prompt.value = event.currentTarget.value;
			if (notice.value?.field === "prompt") notice.value = null;
		},
		...faulty("prompt")
	})] });
}
function Said() {
	const said = notice.value;
	return /* @__PURE__ */ a("div", {
		role: "alert",
		id: "notice",
		class: said ? `notice ${said.kind}` : "notice",
		children: said && /* @__PURE__ */ a($, { children: [/* @__PURE__ */ a("p", { children: said.text }), /* @__PURE__ */ a("button", {
			type: "button",
			class: "bare",
			"aria-label": "Dismiss",
			onClick: () => notice.value = null,
			children: /* @__PURE__ */ a(Icon, { name: "close" })
		})] })
	});
}
function Count() {
	const most = capabilities.value?.limits.max_count ?? 10;
	const set = (value) => {
		if (Number.isFinite(value)) count.value = Math.min(Math.max(Math.round(value), 1), most);
	};
	return /* @__PURE__ */ a("div", {
		class: "field stepper",
		children: [
			/* @__PURE__ */ a("label", {
				for: "count",
				children: "Pictures"
			}),
			/* @__PURE__ */ a("button", {
				type: "button",
				"aria-label": "One less",
				...off(count.value <= 1, () => set(count.value - 1)),
				children: /* @__PURE__ */ a(Icon, { name: "minus" })
			}),
			/* @__PURE__ */ a("input", {
				type: "number",
				id: "count",
				min: 1,
				max: most,
				value: count.value,
				onChange: (event) => set(event.currentTarget.valueAsNumber),
				...faulty("count")
			}),
			/* @__PURE__ */ a("button", {
				type: "button",
				"aria-label": "One more",
				...off(count.value >= most, () => set(count.value + 1)),
				children: /* @__PURE__ */ a(Icon, { name: "plus" })
			})
		]
	});
}
// src/view/strip.tsx
function Strip() {
	const list = T(null);
	const all = jobs.value;
	A$1(() => {
		list.current?.scrollTo({ left: list.current.scrollWidth });
	}, [all.length]);
	if (all.length === 0) return null;
	return /* @__PURE__ */ a("nav", {
		class: "strip",
		"aria-label": "Drawings of this session",
		children: /* @__PURE__ */ a("ol", {
			ref: list,
			children: all.map((job) => /* @__PURE__ */ a(Entry, { job }, job.id))
		})
	});
}
var words = {
	queued: "waiting",
	running: "being drawn",
	done: "done",
	failed: "failed",
	cancelled: "cancelled"
};
function Entry({ job }) {
	const status = job.status.value;
	const marked = shown.value === job && view.value === "stage";
	const count = job.request.count ?? 1;
	const look = () => {
		chosen.value = job;
		go("stage");
	};
	return /* @__PURE__ */ a("li", {
		class: `entry ${status}${marked ? " marked" : ""}`,
		children: [/* @__PURE__ */ a("button", {
			type: "button",
			"aria-current": marked,
			onClick: look,
			children: [
				/* @__PURE__ */ a("span", {
					class: "cells",
					children: Array.from({ length: Math.min(count, 4) }, (_, index) => /* @__PURE__ */ a(Cell, {
						job,
						index
					}, index))
				}),
				/* @__PURE__ */ a("span", {
					class: "edge",
					children: [
						job.number,
						count > 1 && ` ×${count}`,
						status === "running" && /* @__PURE__ */ a("b", { children: [
							" ",
							Math.round(100 * (job.progress.value?.fraction ?? 0)),
							" %"
						] }),
						status === "queued" && " waits",
						status === "failed" && " failed"
					]
				}),
				/* @__PURE__ */ a("span", {
					class: "unseen",
					children: [
						", ",
						words[status],
						": ",
						job.request.prompt
					]
				})
			]
		}), !active(job) && /* @__PURE__ */ a("button", {
			type: "button",
			class: "bare dismiss",
			"aria-label": `Take drawing ${job.number} from the strip`,
			onClick: () => dismiss(job),
			children: /* @__PURE__ */ a(Icon, { name: "close" })
		})]
	});
}
function Cell({ job, index }) {
	const picture = job.pictures.value[index];
	const source = picture ? addressOf(picture.thumbnail) : job.previews.value[index];
	const { width = 1, height = 1 } = job.request;
	return /* @__PURE__ */ a("span", {
		class: "cell",
		style: { aspectRatio: `${width} / ${height}` },
		children: source && /* @__PURE__ */ a("img", {
			src: source,
			alt: ""
		})
	});
}
// src/view/token.tsx
function TokenQuestion() {
	return question.value ? /* @__PURE__ */ a(Question, { ...question.value }) : null;
}
function Question({ rejected, answer }) {
	const dialog = useModal();
	const field = T(null);
	const submit = (event) => {
		event.preventDefault();
		const given = field.current.value.trim();
		if (given) answer(given);
	};
	return /* @__PURE__ */ a("dialog", {
		class: "question",
		ref: dialog,
		"aria-labelledby": "token-title",
		onCancel: () => answer(null),
		children: /* @__PURE__ */ a("form", {
			onSubmit: submit,
			children: [
				/* @__PURE__ */ a("h2", {
					id: "token-title",
					children: "This server asks for its token"
				}),
				/* @__PURE__ */ a("p", {
					class: "soft",
					id: "token-about",
					children: [rejected ? "That was not it. " : "", "Whoever started the server knows it. It is kept until this tab is closed."]
				}),
				/* @__PURE__ */ a("label", {
					for: "token",
					class: "unseen",
					children: "Token"
				}),
				/* @__PURE__ */ a("input", {
					type: "password",
					id: "token",
					ref: field,
					autocomplete: "off",
					"aria-describedby": "token-about",
					"aria-invalid": rejected,
					required: true
				}),
				/* @__PURE__ */ a("div", {
					class: "actions",
					children: [/* @__PURE__ */ a("button", {
						type: "submit",
						class: "strong",
						children: "Go on"
					}), /* @__PURE__ */ a("button", {
						type: "button",
						class: "quiet",
						onClick: () => answer(null),
						children: "Not now"
					})]
				})
			]
		})
	});
}
// src/app.tsx
function App() {
	A$1(() => {
		const keys = (event) => {
			if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || document.querySelector("dialog[open]")) return;
			event.preventDefault();
			drawNow();
		};
		addEventListener("keydown", keys);
		return () => removeEventListener("keydown", keys);
	}, []);
	return /* @__PURE__ */ a("div", {
		class: "page",
		"data-view": view.value,
		children: [
			!reachable.value && /* @__PURE__ */ a("p", {
				class: "gone",
				role: "status",
				children: "The server does not answer. The page goes on when it is back."
			}),
			/* @__PURE__ */ a(Panel, {}),
			/* @__PURE__ */ a("main", { children: [view.value === "gallery" ? /* @__PURE__ */ a(Gallery, {}) : view.value === "edit" ? /* @__PURE__ */ a(Editor, {}) : /* @__PURE__ */ a(Stage, {}), view.value !== "gallery" && /* @__PURE__ */ a(Strip, {})] }),
			/* @__PURE__ */ a(Large, {}),
			/* @__PURE__ */ a(DropTargets, {}),
			/* @__PURE__ */ a(TokenQuestion, {}),
			/* @__PURE__ */ a("p", {
				class: "unseen",
				"aria-live": "polite",
				children: spoken.value
			})
		]
	});
}
// src/main.tsx
startRouting();
await openGallery();
Q(/* @__PURE__ */ a(App, {}), document.querySelector("#app"));
watchConnection();
x(() => {
	const running = jobs.value.find((job) => job.status.value === "running");
	document.title = running ? `${Math.round(100 * (running.progress.value?.fraction ?? 0))} % · sd35` : "sd35";
});
var first = true;
x(() => {
	returns.value;
	readServer().then(() => first ? resumeJobs() : void 0).then(() => first = false, complain);
});
