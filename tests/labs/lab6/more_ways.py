"""Right ways to write the functions of lab 6 that the mutation score changes: twenty of each."""

import math

import numpy as np

# Overlap.


def dice_sums(pred, truth, per_image=False, iou=False):
    a = np.asarray(pred)
    if a.ndim == 4:
        a = a.argmax(axis=-1)
    a, b = a.astype(bool), np.asarray(truth).astype(bool)
    both = (a & b).sum(axis=(1, 2))
    total = a.sum(axis=(1, 2)) + b.sum(axis=(1, 2))
    d = np.ones(len(a))
    d[total > 0] = 2 * both[total > 0] / total[total > 0]
    if iou:
        d = d / (2 - d)
    return d if per_image else d.mean()


def dice_loop(pred, truth, per_image=False, iou=False):
    found = []
    for mine, right in zip(pred, truth, strict=True):
        if mine.ndim == 3:
            mine = mine[:, :, 1] > mine[:, :, 0]
        tp = fp = fn = 0
        for a, b in zip(np.ravel(mine), np.ravel(right), strict=True):
            if a and b:
                tp += 1
            elif a:
                fp += 1
            elif b:
                fn += 1
        if tp + fp + fn == 0:
            found.append(1.0)
        elif iou:
            found.append(tp / (tp + fp + fn))
        else:
            found.append(2 * tp / (2 * tp + fp + fn))
    return np.array(found) if per_image else sum(found) / len(found)


def softmax_losses(logits, masks, weights=None):
    z = np.asarray(logits, dtype=np.float64)
    top = z.max(axis=-1, keepdims=True)
    logp = z - top - np.log(np.exp(z - top).sum(axis=-1, keepdims=True))
    one_hot = np.eye(z.shape[-1])[np.asarray(masks)]
    loss = -(one_hot * logp).sum(axis=-1)
    if weights is None:
        return loss.mean()
    w = (one_hot * np.asarray(weights)).sum(axis=-1)
    return (w * loss).sum() / w.sum()


def entropy_loop(logits, masks, weights=None):
    total = share = 0.0
    for z, y in zip(np.reshape(logits, (-1, np.shape(logits)[-1])), np.ravel(masks), strict=True):
        z = [float(one) for one in z]
        top = max(z)
        loss = top + math.log(sum(math.exp(one - top) for one in z)) - z[int(y)]
        w = 1.0 if weights is None else float(weights[int(y)])
        total += w * loss
        share += w
    return total / share


def stop_loop(history, patience, min_delta):
    best, place, waited = float("inf"), 0, 0
    for k, loss in enumerate(history["val_loss"]):
        if loss < best - min_delta:
            best, place, waited = loss, k, 0
        else:
            waited += 1
    return waited >= patience, place


def stop_records(history, patience, min_delta):
    losses = history["val_loss"]
    best = 0
    for k in range(1, len(losses)):
        if losses[best] - losses[k] > min_delta:
            best = k
    return bool(len(losses) - 1 - best >= patience), best


# Overlap, in other ways.


def dice_einsum(pred, truth, per_image=False, iou=False):
    a = np.asarray(pred)
    a = (a[..., 1] > a[..., 0] if a.ndim > 3 else a > 0).astype(float)
    b = (np.asarray(truth) > 0).astype(float)
    shared = np.einsum("nij,nij->n", a, b)
    total = np.einsum("nij->n", a) + np.einsum("nij->n", b)
    d = np.where(total == 0, 1.0, 2 * shared / np.where(total == 0, 1, total))
    d = d / (2 - d) if iou else d
    return d if per_image else np.mean(d)


def dice_flat(pred, truth, per_image=False, iou=False):
    pred, truth = np.asarray(pred), np.asarray(truth)
    labels = np.argmax(pred, axis=3) if pred.ndim == 4 else pred
    a = labels.reshape(len(labels), -1).astype(int)
    b = truth.reshape(len(truth), -1).astype(int)
    both, either = np.minimum(a, b).sum(axis=1), np.maximum(a, b).sum(axis=1)
    j = np.array([x / y if y else 1.0 for x, y in zip(both, either, strict=True)])
    found = j if iou else 2 * j / (1 + j)
    return found if per_image else found.mean()


def dice_precision_and_recall(pred, truth, per_image=False, iou=False):
    found = []
    for p, t in zip(np.asarray(pred), np.asarray(truth), strict=True):
        p = p.argmax(axis=-1) if p.ndim == 3 else p
        hits = np.count_nonzero((p > 0) & (t > 0))
        marked, real = np.count_nonzero(p), np.count_nonzero(t)
        if marked == 0 and real == 0:
            d = 1.0
        elif hits == 0:
            d = 0.0
        else:
            precision, recall = hits / marked, hits / real
            d = 2 * precision * recall / (precision + recall)
        found.append(d / (2 - d) if iou else d)
    return np.array(found) if per_image else np.mean(found)


def dice_dots(pred, truth, per_image=False, iou=False):
    a = np.array(pred)
    if a.ndim == 4:
        a = np.subtract(a[..., 1], a[..., 0]) > 0
    a, b = (np.reshape(one, (one.shape[0], -1)).astype("float64") for one in (a, np.array(truth)))
    result = np.empty(len(a))
    for k in range(len(a)):
        size = a[k] @ a[k] + b[k] @ b[k]
        result[k] = 2 * (a[k] @ b[k]) / size if size > 0 else 1
    if iou:
        result = result / (2 - result)
    if per_image:
        return result
    return result.mean()


def dice_differences(pred, truth, per_image=False, iou=False):
    a = np.asarray(pred)
    a = (a[:, :, :, 1] > a[:, :, :, 0]) if a.ndim == 4 else a != 0
    b = np.asarray(truth) != 0
    wrong = (a ^ b).sum(axis=(1, 2))
    right = (a & b).sum(axis=(1, 2))
    below = 2 * right + wrong
    d = np.divide(2 * right, below, out=np.ones(len(a)), where=below > 0)
    if iou:
        d = np.divide(right, right + wrong, out=np.ones(len(a)), where=below > 0)
    return d if per_image else d.mean()


def dice_nan(pred, truth, per_image=False, iou=False):
    a = np.asarray(pred)
    a = np.argmax(a, -1) if np.ndim(a) == 4 else a
    a, b = np.asarray(a, dtype="float64"), np.asarray(truth, dtype="float64")
    with np.errstate(invalid="ignore"):
        d = 2 * (a * b).sum((1, 2)) / (a.sum((1, 2)) + b.sum((1, 2)))
    d[np.isnan(d)] = 1
    if iou:
        d = d / (2 - d)
    return d if per_image else d.mean()


def dice_comprehension(pred, truth, per_image=False, iou=False):
    def one(p, t):
        p = p[..., 1] > p[..., 0] if p.ndim == 3 else p.astype(bool)
        t = t.astype(bool)
        total = p.sum() + t.sum()
        d = 2 * (p & t).sum() / total if total else 1.0
        return d / (2 - d) if iou else d

    values = [one(p, t) for p, t in zip(np.asarray(pred), np.asarray(truth), strict=True)]
    return np.array(values) if per_image else sum(values) / len(values)


def dice_sets(pred, truth, per_image=False, iou=False):
    values = []
    for p, t in zip(np.asarray(pred), np.asarray(truth), strict=True):
        if p.ndim == 3:
            p = np.argmax(p, axis=2)
        marked, real = set(np.flatnonzero(p).tolist()), set(np.flatnonzero(t).tolist())
        if iou:
            union = marked | real
            values.append(len(marked & real) / len(union) if union else 1.0)
        else:
            total = len(marked) + len(real)
            values.append(2 * len(marked & real) / total if total else 1.0)
    return np.array(values) if per_image else float(np.mean(values))


def dice_histogram(pred, truth, per_image=False, iou=False):
    a = np.asarray(pred)
    labels = (a[..., 0] < a[..., 1]) if a.ndim == 4 else a
    codes = 2 * np.asarray(truth).astype(int) + np.asarray(labels).astype(int)
    values = []
    for code in codes:
        _, false, missed, hits = np.bincount(code.ravel(), minlength=4)
        total = 2 * hits + false + missed
        values.append(1.0 if total == 0 else (hits / (total - hits) if iou else 2 * hits / total))
    return np.array(values) if per_image else np.mean(values)


def dice_safe_division(pred, truth, per_image=False, iou=False):
    a, b = np.asarray(pred), np.asarray(truth).astype("float64")
    a = np.argmax(a, axis=-1) if a.ndim == 4 else a
    a = a.astype("float64")
    sizes = a.sum(axis=2).sum(axis=1) + b.sum(axis=2).sum(axis=1)
    shared = np.multiply(a, b).sum(axis=2).sum(axis=1)
    empty = sizes == 0
    d = (2 * shared + empty) / (sizes + empty)
    j = (shared + empty) / (sizes - shared + empty)
    chosen = j if iou else d
    return chosen if per_image else np.sum(chosen) / len(chosen)


def dice_list(pred, truth, per_image=False, iou=False):
    scores = []
    for k in range(len(truth)):
        p, t = np.asarray(pred[k]), np.asarray(truth[k])
        if p.ndim == 3:
            p = np.greater(p[..., 1], p[..., 0])
        both = int(np.logical_and(p, t).sum())
        either = int(np.logical_or(p, t).sum())
        score = 1.0 if either == 0 else both / either
        if not iou:
            score = 2 * score / (1 + score)
        scores.append(score)
    if per_image:
        return scores
    return np.average(scores)


def dice_keras(pred, truth, per_image=False, iou=False):
    from keras import ops

    a = ops.convert_to_tensor(np.asarray(pred))
    if len(a.shape) == 4:
        a = ops.argmax(a, axis=-1)
    a, b = ops.cast(a, "float32"), ops.cast(np.asarray(truth), "float32")
    shared = ops.sum(a * b, axis=(1, 2))
    total = ops.sum(a, axis=(1, 2)) + ops.sum(b, axis=(1, 2))
    d = ops.where(total > 0, 2 * shared / ops.maximum(total, 1.0), 1.0)
    d = d / (2 - d) if iou else d
    return np.asarray(d) if per_image else float(ops.mean(d))


def dice_early(pred, truth, per_image=False, iou=False):
    pred = np.asarray(pred)
    if pred.ndim == 4:
        return dice_early(np.argmax(pred, axis=-1), truth, per_image, iou)
    values = np.ones(len(pred))
    for k, (p, t) in enumerate(zip(pred, np.asarray(truth), strict=True)):
        if np.any(p) or np.any(t):
            values[k] = 2 * np.sum((p > 0) * (t > 0)) / (np.sum(p > 0) + np.sum(t > 0))
    values = values / (2 - values) if iou else values
    return values if per_image else values.mean()


def dice_tensordot(pred, truth, per_image=False, iou=False):
    a = np.asarray(pred)
    a = np.heaviside(a[..., 1] - a[..., 0], 0.0) if a.ndim == 4 else 1.0 * (a > 0)
    b = 1.0 * (np.asarray(truth) > 0)
    shared = np.array([np.tensordot(x, y) for x, y in zip(a, b, strict=True)])
    outside = np.array([np.abs(x - y).sum() for x, y in zip(a, b, strict=True)])
    union = shared + outside
    j = np.where(union > 0, shared / np.maximum(union, 1), 1)
    value = j if iou else 2 * j / (j + 1)
    return value if per_image else value.mean()


def dice_masked(pred, truth, per_image=False, iou=False):
    a = np.asarray(pred)
    a = a.argmax(-1) if a.ndim == 4 else a
    a, b = a > 0.5, np.asarray(truth) > 0.5
    values = []
    for x, y in zip(a, b, strict=True):
        found, size, real = y[x].sum(), x.sum(), y.sum()
        d = 1.0
        if size + real > 0:
            d = 2.0 * found / (size + real)
        values.append(d)
    values = np.array(values)
    if iou:
        values = 1 / (2 / np.maximum(values, 1e-300) - 1)
    return values if per_image else values.mean()


def dice_moved(pred, truth, per_image=False, iou=False):
    pred = np.asarray(pred)
    labels = pred if pred.ndim == 3 else np.less(pred[..., 0], pred[..., 1])
    a = np.moveaxis(labels.astype(bool), 0, -1)
    b = np.moveaxis(np.asarray(truth).astype(bool), 0, -1)
    axes = (0, 1)
    hits, over, under = (one.sum(axes) for one in (a & b, a & ~b, ~a & b))
    some = hits + over + under > 0
    d = np.ones(len(hits))
    d[some] = 2 * hits[some] / (2 * hits[some] + over[some] + under[some])
    if iou:
        d[some] = hits[some] / (hits[some] + over[some] + under[some])
    return d if per_image else d.sum() / d.size


def dice_two_steps(pred, truth, per_image=False, iou=False):
    a = np.asarray(pred)
    if a.ndim == 4:
        a = (a[..., 1:] > a[..., :1])[..., 0]
    a = a.astype(bool)
    b = np.asarray(truth).astype(bool)
    shared, sizes = [], []
    for x, y in zip(a, b, strict=True):
        shared.append(np.count_nonzero(x & y))
        sizes.append(np.count_nonzero(x) + np.count_nonzero(y))
    values = [1.0 if size == 0 else 2 * s / size for s, size in zip(shared, sizes, strict=True)]
    if iou:
        values = [d / (2 - d) for d in values]
    return np.asarray(values) if per_image else np.asarray(values).mean()


def dice_squares(pred, truth, per_image=False, iou=False):
    a = np.asarray(pred)
    a = np.sign(np.maximum(a[..., 1] - a[..., 0], 0)) if a.ndim == 4 else a.astype("float64")
    b = np.asarray(truth).astype("float64")
    apart = ((a - b) ** 2).sum(axis=(1, 2))
    total = (a**2).sum(axis=(1, 2)) + (b**2).sum(axis=(1, 2))
    d = 1 - np.divide(apart, total, out=np.zeros_like(total), where=total > 0)
    result = d / (2 - d) if iou else d
    return result if per_image else result.mean()


# Cross-entropy, in other ways.


def entropy_scipy(logits, masks, weights=None):
    from scipy.special import logsumexp

    z = np.asarray(logits, dtype="float64")
    y = np.asarray(masks).astype(int)
    loss = logsumexp(z, axis=-1) - np.take_along_axis(z, y[..., None], axis=-1)[..., 0]
    if weights is None:
        return loss.mean()
    return np.average(loss, weights=np.asarray(weights)[y])


def entropy_flat(logits, masks, weights=None):
    classes = np.shape(logits)[-1]
    z = np.reshape(np.asarray(logits, dtype="float64"), (-1, classes))
    y = np.reshape(np.asarray(masks), -1).astype(int)
    z = z - z.max(axis=1)[:, None]
    loss = np.log(np.sum(np.exp(z), axis=1)) - z[np.arange(len(z)), y]
    w = np.ones(len(z)) if weights is None else np.asarray(weights)[y]
    return np.dot(w, loss) / np.sum(w)


def entropy_differences(logits, masks, weights=None):
    z = np.asarray(logits, dtype="float64")
    y = np.asarray(masks).astype(int)[..., None]
    away = z - np.take_along_axis(z, y, axis=-1)
    top = away.max(axis=-1)
    loss = top + np.log(np.exp(away - top[..., None]).sum(axis=-1))
    w = np.ones(loss.shape) if weights is None else np.take(np.asarray(weights, dtype="float64"), y[..., 0])
    return (loss * w).sum() / w.sum()


def entropy_logaddexp(logits, masks, weights=None):
    z = np.asarray(logits, dtype="float64")
    y = np.asarray(masks).astype(int)
    total = z[..., 0]
    for k in range(1, z.shape[-1]):
        total = np.logaddexp(total, z[..., k])
    chosen = np.choose(y, np.moveaxis(z, -1, 0))
    loss = total - chosen
    if weights is None:
        return float(loss.mean())
    w = np.array([float(weights[k]) for k in y.ravel()]).reshape(y.shape)
    return float((w * loss).sum() / w.sum())


def entropy_by_class(logits, masks, weights=None):
    z = np.asarray(logits, dtype="float64")
    z = z - np.max(z, axis=-1, keepdims=True)
    logp = z - np.log(np.sum(np.exp(z), axis=-1, keepdims=True))
    above = below = 0.0
    for k in range(z.shape[-1]):
        inside = np.asarray(masks) == k
        w = 1.0 if weights is None else weights[k]
        above -= w * logp[inside, k].sum()
        below += w * inside.sum()
    return above / below


def entropy_keras(logits, masks, weights=None):
    from keras import ops

    z = ops.convert_to_tensor(np.asarray(logits, dtype="float32"))
    y = np.asarray(masks).astype("int32")
    logp = ops.log_softmax(z, axis=-1)
    loss = -np.take_along_axis(np.asarray(logp), y[..., None], axis=-1)[..., 0]
    if weights is None:
        return np.mean(loss)
    w = np.asarray(weights)[y]
    return np.sum(w * loss) / np.sum(w)


def entropy_moved(logits, masks, weights=None):
    z = np.moveaxis(np.asarray(logits, dtype="float64"), -1, 0)
    y = np.asarray(masks).astype(int)
    top = z.max(axis=0)
    norm = np.log(np.exp(z - top).sum(axis=0)) + top
    true = sum(np.where(y == k, z[k], 0) for k in range(len(z)))
    loss = norm - true
    w = 1 if weights is None else sum(np.where(y == k, weights[k], 0) for k in range(len(z)))
    return (loss * w).sum() / (np.ones_like(loss) * w).sum()


def entropy_images(logits, masks, weights=None):
    above, below = 0.0, 0.0
    for image, mask in zip(logits, masks, strict=True):
        image = np.asarray(image, dtype="float64")
        shifted = image - image.max(axis=2, keepdims=True)
        loss = np.log(np.exp(shifted).sum(axis=2))
        loss = loss - np.take_along_axis(shifted, mask.astype(int)[:, :, None], axis=2)[:, :, 0]
        share = np.ones(mask.shape) if weights is None else np.asarray(weights)[mask.astype(int)]
        above += np.sum(share * loss)
        below += np.sum(share)
    return above / below


def entropy_one_hot_einsum(logits, masks, weights=None):
    z = np.array(logits, dtype="float64")
    z -= z.max(axis=-1, keepdims=True)
    hot = (np.asarray(masks)[..., None] == np.arange(z.shape[-1])).astype("float64")
    w = np.ones(z.shape[-1]) if weights is None else np.asarray(weights, dtype="float64")
    norm = np.log(np.exp(z).sum(axis=-1))
    each = norm - np.einsum("nijk,nijk->nij", z, hot)
    share = np.einsum("nijk,k->nij", hot, w)
    return np.sum(each * share) / np.sum(share)


def entropy_indices(logits, masks, weights=None):
    z = np.asarray(logits, dtype="float64")
    n, i, j = np.indices(np.shape(masks))
    y = np.asarray(masks).astype(int)
    top = z.max(axis=3)
    loss = np.log(np.exp(z - top[..., np.newaxis]).sum(axis=3)) + top - z[n, i, j, y]
    if weights is not None:
        w = np.asarray(weights, dtype="float64")[y]
        return np.sum(loss * w) / np.sum(w)
    return np.mean(loss)


def entropy_sorted(logits, masks, weights=None):
    z = np.asarray(logits, dtype="float64")
    y = np.asarray(masks).astype(int)
    ordered = np.sort(z, axis=-1)
    top = ordered[..., -1]
    rest = np.exp(ordered[..., :-1] - top[..., None]).sum(axis=-1)
    loss = top + np.log1p(rest) - np.take_along_axis(z, y[..., None], -1)[..., 0]
    w = np.ones_like(loss) if weights is None else np.asarray(weights)[y]
    return (w * loss).sum() / w.sum()


def entropy_where(logits, masks, weights=None):
    z = np.asarray(logits, dtype="float64")
    y = np.asarray(masks).astype(int)
    z = z - z.max(axis=-1, keepdims=True)
    hot = np.arange(z.shape[-1]) == y[..., None]
    loss = np.log(np.exp(z).sum(-1)) - np.where(hot, z, 0).sum(-1)
    share = np.where(hot, 1 if weights is None else weights, 0).sum(-1)
    return float(np.average(loss, weights=share))


def entropy_recursive(logits, masks, weights=None):
    if weights is None:
        return entropy_recursive(logits, masks, np.ones(np.shape(logits)[-1]))
    z = np.asarray(logits, dtype="float64").reshape(-1, len(weights))
    y = np.asarray(masks).astype(int).ravel()
    z = z - z.max(1, keepdims=True)
    p = np.exp(z)
    loss = np.log(p.sum(1)) - z[np.arange(len(y)), y]
    w = np.asarray(weights)[y]
    return w @ loss / w.sum()


def entropy_counts(logits, masks, weights=None):
    z = np.asarray(logits, dtype="float64")
    classes = z.shape[-1]
    y = np.asarray(masks).astype(int).ravel()
    z = z.reshape(-1, classes)
    top = z.max(axis=1)
    loss = top + np.log(np.exp(z - top[:, None]).sum(axis=1)) - z[np.arange(y.size), y]
    sums = np.bincount(y, weights=loss, minlength=classes)
    counts = np.bincount(y, minlength=classes)
    w = np.ones(classes) if weights is None else np.asarray(weights, dtype="float64")
    return (w * sums).sum() / (w * counts).sum()


def entropy_longdouble(logits, masks, weights=None):
    z = np.asarray(logits).astype("longdouble")
    y = np.asarray(masks).astype(int)
    z = z - np.amax(z, axis=-1, keepdims=True)
    total = np.exp(z).sum(axis=-1)
    loss = np.log(total) - np.take_along_axis(z, y[..., None], axis=-1).squeeze(-1)
    w = np.ones(y.shape) if weights is None else np.asarray(weights)[y]
    return float((w * loss).sum() / w.sum())


def entropy_normalized_weights(logits, masks, weights=None):
    y = np.asarray(masks).astype(int)
    share = np.full(y.shape, 1 / y.size)
    if weights is not None:
        share = np.asarray(weights, dtype="float64")[y]
        share = share / share.sum()
    z = np.asarray(logits, dtype="float64")
    z = z - z.max(axis=-1, keepdims=True)
    logs = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    return -np.sum(share * np.take_along_axis(logs, y[..., None], axis=-1)[..., 0])


def entropy_apply(logits, masks, weights=None):
    def of_pixel(z):
        top = z.max()
        return top + np.log(np.exp(z - top).sum())

    z = np.asarray(logits, dtype="float64")
    y = np.asarray(masks).astype(int)
    norms = np.apply_along_axis(of_pixel, -1, z)
    loss = norms - np.take_along_axis(z, y[..., None], -1)[..., 0]
    w = np.ones(y.shape) if weights is None else np.asarray(weights)[y]
    return np.sum(w * loss) / np.sum(w)


def entropy_split_sums(logits, masks, weights=None):
    z = np.asarray(logits, dtype="float64")
    y = np.asarray(masks).astype(int)
    w = np.ones(z.shape[-1]) if weights is None else np.asarray(weights, dtype="float64")
    top = z.max(axis=-1)
    norm = top + np.log(np.exp(z - top[..., None]).sum(axis=-1))
    total = (w[y] * norm).sum() - (w[y] * np.take_along_axis(z, y[..., None], -1)[..., 0]).sum()
    return total / w[y].sum()


# Stopping, in other ways.


def stop_while(history, patience, min_delta):
    losses, k, best = history["val_loss"], 1, 0
    while k < len(losses):
        if losses[k] < losses[best] - min_delta:
            best = k
        k += 1
    return k - 1 - best >= patience, best


def stop_enumerate(history, patience, min_delta):
    best_loss, best = np.inf, -1
    for epoch, loss in enumerate(history["val_loss"]):
        if loss + min_delta < best_loss:
            best_loss, best = loss, epoch
    since = len(history["val_loss"]) - (best + 1)
    return since >= patience, best


def stop_array(history, patience, min_delta):
    losses = np.asarray(history["val_loss"], dtype="float64")
    best = 0
    for k in range(len(losses)):
        if losses[best] - losses[k] > min_delta:
            best = k
    return bool(losses.size - best > patience), int(best)


def stop_recursion(history, patience, min_delta):
    losses = history["val_loss"]

    def best_of(k):
        if k == 0:
            return 0
        before = best_of(k - 1)
        return k if losses[k] < losses[before] - min_delta else before

    best = best_of(len(losses) - 1)
    return len(losses) - 1 - best >= patience, best


def stop_next(history, patience, min_delta):
    losses = history["val_loss"]
    best = 0
    while True:
        later = (k for k in range(best + 1, len(losses)) if losses[k] < losses[best] - min_delta)
        found = next(later, None)
        if found is None:
            break
        best = found
    return len(losses) - best - 1 >= patience, best


def stop_records_list(history, patience, min_delta):
    records = [0]
    for k, loss in enumerate(history["val_loss"]):
        if loss < history["val_loss"][records[-1]] - min_delta:
            records.append(k)
    waited = len(history["val_loss"]) - 1 - records[-1]
    return waited >= patience, records[-1]


def stop_countdown(history, patience, min_delta):
    left, best, smallest = patience, 0, None
    for epoch, loss in enumerate(history["val_loss"]):
        if smallest is None or loss < smallest - min_delta:
            smallest, best, left = loss, epoch, patience
        else:
            left -= 1
    return left <= 0, best


def stop_pairs(history, patience, min_delta):
    best = (float("inf"), 0)
    for pair in zip(history["val_loss"], range(len(history["val_loss"])), strict=True):
        if pair[0] < best[0] - min_delta:
            best = pair
    return len(history["val_loss"]) - 1 - best[1] >= patience, best[1]


def stop_reduce(history, patience, min_delta):
    import functools

    losses = history["val_loss"]
    best = functools.reduce(lambda b, k: k if losses[k] < losses[b] - min_delta else b, range(len(losses)))
    return len(losses) - 1 - best >= patience, best


def stop_list(history, patience, min_delta):
    losses = list(history["val_loss"])
    best, value = 0, losses[0]
    for k, loss in enumerate(losses[1:]):
        if value - loss > min_delta:
            best, value = k + 1, loss
    return [len(losses) - 1 - best >= patience, best]


def stop_last_wait(history, patience, min_delta):
    losses = history["val_loss"]
    best, waits = 0, [0]
    for k in range(1, len(losses)):
        better = losses[k] < losses[best] - min_delta
        best = k if better else best
        waits.append(0 if better else waits[-1] + 1)
    return waits[-1] >= patience, best


def stop_class(history, patience, min_delta):
    class Watch:
        loss, epoch, wait = math.inf, 0, 0

    for epoch, loss in enumerate(history["val_loss"]):
        Watch.wait += 1
        if loss < Watch.loss - min_delta:
            Watch.loss, Watch.epoch, Watch.wait = loss, epoch, 0
    return Watch.wait >= patience, Watch.epoch


def stop_dictionary(history, patience, min_delta):
    state = {"best": 0, "stop": False}
    losses = history["val_loss"]
    for k in range(len(losses)):
        if losses[k] < losses[state["best"]] - min_delta:
            state["best"] = k
        state["stop"] = k - state["best"] >= patience
    return state["stop"], state["best"]


def stop_numpy_pair(history, patience, min_delta):
    best = 0
    for k, loss in enumerate(history["val_loss"]):
        if loss < history["val_loss"][best] - min_delta:
            best = k
    return np.array([len(history["val_loss"]) - 1 - best >= patience, best])


def stop_tail(history, patience, min_delta):
    losses = history["val_loss"]
    best = 0
    for k in range(1, len(losses)):
        best = (best, k)[losses[k] < losses[best] - min_delta]
    tail = losses[best + 1 :]
    return len(tail) >= patience, best


def stop_accumulate(history, patience, min_delta):
    import itertools

    losses = history["val_loss"]
    chain = itertools.accumulate(range(len(losses)), lambda b, k: k if losses[k] < losses[b] - min_delta else b)
    *_, best = chain
    return len(losses) - best > patience, best


def stop_not(history, patience, min_delta):
    losses = history["val_loss"]
    best = 0
    for k in range(len(losses)):
        if not losses[k] >= losses[best] - min_delta:
            best = k
    return not (len(losses) - 1 - best < patience), best


def stop_reversed(history, patience, min_delta):
    losses = history["val_loss"]
    bests = [0]
    for loss in losses[1:]:
        bests.append(len(bests) if loss < losses[bests[-1]] - min_delta else bests[-1])
    return len(bests) - 1 - bests[-1] >= patience, bests[-1]


DICE = {
    "sums": dice_sums,
    "loop": dice_loop,
    "einsum": dice_einsum,
    "flat": dice_flat,
    "precision and recall": dice_precision_and_recall,
    "dots": dice_dots,
    "differences": dice_differences,
    "nan": dice_nan,
    "comprehension": dice_comprehension,
    "sets": dice_sets,
    "histogram": dice_histogram,
    "safe division": dice_safe_division,
    "list": dice_list,
    "keras": dice_keras,
    "early": dice_early,
    "tensordot": dice_tensordot,
    "masked": dice_masked,
    "moved": dice_moved,
    "two steps": dice_two_steps,
    "squares": dice_squares,
}
CROSS_ENTROPY = {
    "one-hot": softmax_losses,
    "loop": entropy_loop,
    "scipy": entropy_scipy,
    "flat": entropy_flat,
    "differences": entropy_differences,
    "logaddexp": entropy_logaddexp,
    "by class": entropy_by_class,
    "keras": entropy_keras,
    "moved": entropy_moved,
    "images": entropy_images,
    "one-hot einsum": entropy_one_hot_einsum,
    "indices": entropy_indices,
    "sorted": entropy_sorted,
    "where": entropy_where,
    "recursive": entropy_recursive,
    "counts": entropy_counts,
    "longdouble": entropy_longdouble,
    "normalized weights": entropy_normalized_weights,
    "apply": entropy_apply,
    "split sums": entropy_split_sums,
}
STOP = {
    "loop": stop_loop,
    "records": stop_records,
    "while": stop_while,
    "enumerate": stop_enumerate,
    "array": stop_array,
    "recursion": stop_recursion,
    "next": stop_next,
    "list of records": stop_records_list,
    "countdown": stop_countdown,
    "pairs": stop_pairs,
    "reduce": stop_reduce,
    "list": stop_list,
    "last wait": stop_last_wait,
    "class": stop_class,
    "dictionary": stop_dictionary,
    "numpy pair": stop_numpy_pair,
    "tail": stop_tail,
    "accumulate": stop_accumulate,
    "not": stop_not,
    "reversed": stop_reversed,
}
