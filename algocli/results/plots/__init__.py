"""What each kind of figure shows, one figure a subject, made one after the other as they are asked for."""
